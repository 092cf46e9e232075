"""Decoding an Avro file into records. Either refuses the whole file or returns every record in it."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import fastavro
import pyarrow as pa
from fastavro.schema import SchemaParseException, UnknownType, parse_schema

from health_etl.avro.container import KNOWN_SCHEMAS, MAGIC, Container, inspect_container
from health_etl.avro.resolution import Resolution, resolve
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl.wording import counted

MAX_FILE_BYTES = 100 * 1024 * 1024
MAX_RECORDS = 100_000

# Everything that fastavro has been seen to raise on a damaged or hostile file.
_DAMAGE_ERRORS = (
    ValueError,
    EOFError,
    KeyError,
    RecursionError,
    IndexError,
    TypeError,
    StopIteration,
    struct.error,
    OverflowError,
    AttributeError,
    NotImplementedError,
)

_ARROW = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}


@dataclass(frozen=True)
class DecodedFile:
    """The records of one file, and how the writer's schema differs from ours."""

    records: list[dict[str, Any]]
    drift: tuple[str, ...]


def decode(content: bytes, record_type: RecordType, content_hash: str | None) -> DecodedFile:
    """Decode an Avro object container file, resolving the writer's schema against ours.

    Raises FileRefusedError when the file cannot be used.
    """
    _check_envelope(content, content_hash)
    container = inspect_container(content, MAX_RECORDS)
    _check_name(container.writer_schema, record_type)
    resolution, reader = _resolution(container.schema_text, record_type.avro_schema_text)
    records = _read_all(content, container, resolution, reader)
    if not records:
        raise FileRefusedError(FileReason.EMPTY, "the file holds no records")
    return DecodedFile(records, resolution.drift)


def to_table(records: Sequence[Mapping[str, Any]], record_type: RecordType) -> pa.Table:
    """Convert decoded records to an Arrow table whose nested columns have Avro's names.

    Raises FileRefusedError when a value does not have its column's type.
    """
    try:
        rows = pa.array(records, type=_arrow_type(record_type.name))
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        raise FileRefusedError(FileReason.SCHEMA_INCOMPATIBLE, "a value does not have the required type") from None
    return pa.Table.from_struct_array(rows)


def too_large_error(size_bytes: int) -> FileRefusedError:
    """Return the error for a file of that size."""
    return FileRefusedError(FileReason.TOO_LARGE, f"{size_bytes:,} bytes, at most {MAX_FILE_BYTES:,} are allowed")


def content_digest(content: bytes) -> str:
    """Return the SHA-256 of an export in hex; the key contains its first eight digits."""
    return hashlib.sha256(content).hexdigest()


def _check_envelope(content: bytes, content_hash: str | None) -> None:
    if not content:
        raise FileRefusedError(FileReason.EMPTY, "the file is empty")
    if len(content) > MAX_FILE_BYTES:
        raise too_large_error(len(content))
    if not content.startswith(MAGIC):
        raise FileRefusedError(FileReason.NOT_AVRO, "the file does not start like an Avro file")
    if content_hash is not None and not _hash_matches(content, content_hash):
        raise FileRefusedError(FileReason.HASH_MISMATCH, "the hash in the name does not match the content")


def _hash_matches(content: bytes, content_hash: str) -> bool:
    # Upload services use any of these three in file names. Here they are fingerprints, not a security measure.
    digests = (hashlib.sha256, hashlib.md5, hashlib.sha1)
    return any(digest(content, usedforsecurity=False).hexdigest().startswith(content_hash) for digest in digests)


def _check_name(writer_schema: Any, record_type: RecordType) -> None:
    written = str(writer_schema.get("name", "")) if isinstance(writer_schema, dict) else ""
    name = written.rpartition(".")[2].removeprefix("Avro")
    if name.lower() != record_type.avro_name.lower():
        known = {known.avro_name for known in record_types().values()}
        shown = name if name in known else "something else"
        raise FileRefusedError(
            FileReason.WRONG_TYPE, f"the file holds {shown}, but its folder says {record_type.avro_name}"
        )


@lru_cache(maxsize=KNOWN_SCHEMAS)
def _resolution(written: bytes, ours: str) -> tuple[Resolution, Any]:
    """Resolve two schemas, given as texts; return the schema to read with in the decoder's form as well."""
    resolution = resolve(json.loads(written), json.loads(ours))
    # Schema resolution more than doubles the decoding time, so it is skipped when the schemas read the same.
    return resolution, None if resolution.reader is None else parse_schema(dict(resolution.reader))


def _read_all(content: bytes, container: Container, resolution: Resolution, reader: Any) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    try:
        for block in _blocks(content, container, resolution, reader):
            records += block
            if block.bytes_.read(1):
                raise FileRefusedError(FileReason.UNREADABLE, "a block holds more data than the records it declares")
    except fastavro.read.SchemaResolutionError:
        raise FileRefusedError(FileReason.SCHEMA_INCOMPATIBLE, _type_mismatch_detail(resolution)) from None
    except (SchemaParseException, UnknownType, *_DAMAGE_ERRORS) as error:
        raise FileRefusedError(
            FileReason.UNREADABLE,
            f"the file is damaged after {counted(len(records), 'record')} ({type(error).__name__})",
        ) from None
    if len(records) != container.record_count:
        detail = f"{container.record_count:,} records declared, {len(records):,} read"
        raise FileRefusedError(FileReason.UNREADABLE, detail)
    return records


def _blocks(content: bytes, container: Container, resolution: Resolution, reader: Any) -> Iterable[Any]:
    """Open a file. One with logical types, which would be converted, or with defaults that do not fit their types, is
    opened without them: only the stored values count.
    """
    if not resolution.has_logical_types:
        with suppress(SchemaParseException):
            return fastavro.block_reader(io.BytesIO(content), reader_schema=reader)
    return fastavro.block_reader(io.BytesIO(container.without_annotations(content)), reader_schema=reader)


def _type_mismatch_detail(resolution: Resolution) -> str:
    if not resolution.undecided:
        return "a value does not have the required type"
    return f"a value of the field {' or '.join(resolution.undecided)} does not have the required type"


@cache
def _arrow_type(name: str) -> pa.DataType:
    return _to_arrow(record_types()[name].avro_schema)


def _to_arrow(schema: Any) -> pa.DataType:
    """Convert an Avro schema of our own record types (optional values, records, lists, enums)."""
    if isinstance(schema, str):
        return _ARROW[schema]
    if isinstance(schema, list):
        (value,) = (branch for branch in schema if branch != "null")
        return _to_arrow(value)
    if schema["type"] == "record":
        return pa.struct([pa.field(f["name"], _to_arrow(f["type"])) for f in schema["fields"]])
    if schema["type"] == "array":
        return pa.list_(_to_arrow(schema["items"]))
    return pa.string()  # enums arrive as their symbols
