"""Every hostile schema in combination with valid records: some would hang the decoder, some would crash the process."""

from __future__ import annotations

import faulthandler
import time
import traceback
from collections.abc import Iterator

import pytest

from health_etl.avro import decode
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl_tests.fuzz.hostile import (
    CANARY,
    HOSTILE_ATTRIBUTES,
    HOSTILE_FIELDS,
    MIN_LONG,
    schema_of,
    valid_bytes,
    with_fields,
)
from health_etl_tests.fuzz.independent_count import zigzag
from health_etl_tests.fuzz.wire import container
from health_etl_tests.support.waiting import PATIENCE_SECONDS

STEPS = record_types()["steps"]
TAILS = (b"", b"\x00", bytes(40), zigzag(2**40) + b"\x00", zigzag(MIN_LONG) + bytes(4))
MAX_SECONDS = 1.0  # of processor time, for all tails together

# Whatever would hang or crash a decoder is refused by its schema alone, whatever bytes follow.
REFUSED_BY_SCHEMA = {
    "list of nulls",
    "list of empty records by name",
    "list of records of nulls",
    "list of fixed of no bytes",
    "list of fixed of no bytes by name",
    "list of what is wrapped often",
    "union that contains itself",
    "list that contains itself",
    "map that contains itself",
    "two that contain each other",
    "few names for many values",
    "few names for many bytes",
    "long chain of names",
    "very long chain of names",
    "many nulls",
}


@pytest.fixture(autouse=True)
def exit_on_hang() -> Iterator[None]:
    """End the process with all stacks when a schema hangs the decoder."""
    faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def reason_for(content: bytes) -> FileReason | None:
    """Return why a file is refused, None if it is read; the refusal must not quote the file."""
    refusal = None
    try:
        decode.to_table(decode.decode(content, STEPS, None).records, STEPS)
    except FileRefusedError as refused:
        refusal = refused
    text = "".join(traceback.format_exception(refusal)) if refusal else ""
    assert CANARY not in text
    return refusal.reason if refusal else None


@pytest.mark.parametrize("kind", sorted(HOSTILE_FIELDS))
def test_a_field_of_a_hostile_type_is_skipped_or_refuses_the_file(kind: str) -> None:
    started = time.thread_time()
    reasons = {reason_for(with_fields("steps", HOSTILE_FIELDS[kind], tail)) for tail in TAILS}
    assert time.thread_time() - started < MAX_SECONDS
    if kind in REFUSED_BY_SCHEMA:
        assert reasons == {FileReason.SCHEMA_REFUSED}
    else:
        assert reasons <= {None, FileReason.UNREADABLE, FileReason.SCHEMA_REFUSED}


@pytest.mark.parametrize("kind", sorted(HOSTILE_ATTRIBUTES))
def test_a_schema_with_hostile_attributes_is_read_or_refuses_the_file(kind: str) -> None:
    reason = reason_for(container({**schema_of("steps"), **HOSTILE_ATTRIBUTES[kind]}, (1, valid_bytes("steps"))))
    expected = {FileReason.SCHEMA_REFUSED} if "parsed" in kind or kind == "long text" else {None, FileReason.UNREADABLE}
    assert reason in expected


def test_the_same_record_without_hostile_parts_is_read() -> None:
    assert reason_for(container(schema_of("steps"), (1, valid_bytes("steps")))) is None
    assert reason_for(with_fields("steps", ["long"], b"\x00")) is None
