"""Records without an id stay distinct, never count as versions of one record, and keep their identity when re-sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from health_etl.record_types import record_types
from health_etl_tests.support.exports import (
    BUILDERS,
    NOON,
    UPLOADED,
    Record,
    avro_bytes,
    heart_rate,
    memory_lake,
    plain,
    put,
    put_content,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import manifest_of, measurement_rows, records_of, update_records

NO_ID = [None, "", " ", "\t\n", "\u3000", "null", "None", "undefined", "00000000-0000-0000-0000-000000000000"]
NEXT_DAY = UPLOADED + timedelta(days=1)


def unnamed(record: Record, record_id: str | None = "", **metadata: Any) -> Record:
    return {**record, "metadata": {**record["metadata"], "id": record_id, **metadata}}


def ids(*records: Mapping[str, Any], name: str = "steps") -> list[str]:
    return list(measurement_rows(name, records)["record_id"])


def three(record_id: str | None = "") -> list[Record]:
    return [unnamed(steps(start=NOON + n * timedelta(hours=1), count=100 + n), record_id) for n in range(3)]


@pytest.mark.parametrize("record_id", NO_ID)
def test_three_records_without_an_id_are_three_records(record_id: str | None) -> None:
    lake = memory_lake()
    put(lake, "steps", three(record_id))
    update_records(lake, "steps")
    assert manifest_of(lake, "steps").total() == (3, 3, 0, 0)
    assert records_of(lake, "steps")["steps"].sum() == 303


def test_the_same_records_sent_again_on_any_day_are_the_same_records() -> None:
    lake = memory_lake()
    put(lake, "steps", three())
    put(lake, "steps", three(), exported=utc("2025-09-21 15:00"))
    put(lake, "steps", three(), upload_date=NEXT_DAY)
    update_records(lake, "steps")
    update_records(lake, "steps", NEXT_DAY)
    assert manifest_of(lake, "steps").total() == (6, 3, 3, 0)
    one, other = records_of(lake, "steps"), records_of(lake, "steps", NEXT_DAY)
    assert one["record_id"].tolist() == other["record_id"].tolist()


def test_without_a_client_id_the_same_app_device_and_time_is_the_same_record_and_the_latest_value_stands() -> None:
    later = NOON + timedelta(hours=3)
    lake = memory_lake()
    put(lake, "steps", [unnamed(steps(count=100)), unnamed(steps(count=250, modified=later))])
    update_records(lake, "steps")
    assert manifest_of(lake, "steps").total() == (2, 1, 1, 0)
    assert records_of(lake, "steps")["steps"].tolist() == [250]


@pytest.mark.parametrize(
    "other",
    [
        unnamed(steps(app="com.example.ring")),
        unnamed(steps(start=NOON + timedelta(milliseconds=1))),
        unnamed(steps(end=NOON + timedelta(minutes=59))),
        unnamed(steps(), device={"manufacturer": None, "model": None, "type": "PHONE"}),
        unnamed(steps(), device=None),
        unnamed(steps(), clientRecordId="own"),
    ],
    ids=["app", "start", "end", "device", "no device", "client id"],
)
def test_what_differs_in_app_device_time_or_client_id_is_another_record(other: Record) -> None:
    assert len(set(ids(unnamed(steps()), other))) == 2


def test_with_a_client_id_the_record_may_move_in_time_and_stays_itself() -> None:
    moved = unnamed(steps(start=NOON + timedelta(hours=1)), clientRecordId="daily-2025-09-20")
    assert len(set(ids(unnamed(steps(), clientRecordId="daily-2025-09-20"), moved))) == 1
    assert len(set(ids(moved, unnamed(moved, clientRecordId=" ")))) == 2


def test_texts_that_run_together_do_not_make_two_records_one() -> None:
    ones = [unnamed(steps(app=app), clientRecordId=own) for app, own in (("a:", "b"), ("a", ":b"), ("a=1:", "b"))]
    models = [unnamed(steps(), device={"manufacturer": one, "model": two, "type": ""}) for one, two in ("a=", "=a")]
    assert len(set(ids(*ones, *models))) == 5


def test_an_app_s_own_id_cannot_pass_for_a_derived_one() -> None:
    (derived,) = ids(unnamed(steps()))
    assert ids(unnamed(steps(start=NOON + timedelta(hours=5)), derived)) != [derived]


@pytest.mark.parametrize("field", ["dataOriginPackageName", "times"])
def test_records_that_lack_what_an_id_is_derived_from_are_quarantined_one_by_one(field: str) -> None:
    schema = {**record_types()["steps"].avro_schema}
    records = three()
    if field == "times":
        names = ("startTimeEpochMillis", "endTimeEpochMillis")
        schema["fields"] = [
            {**own, "type": ["null", "long"]} if own["name"] in names else own for own in schema["fields"]
        ]
        records = [{**record, **dict.fromkeys(names)} for record in records]
    else:
        metadata = schema["fields"][0]["type"]
        inner = [{**own, "type": ["null", "string"]} if own["name"] == field else own for own in metadata["fields"]]
        schema["fields"] = [{"name": "metadata", "type": {**metadata, "fields": inner}}, *schema["fields"][1:]]
        records = [unnamed(record, **{field: None}) for record in records]
    lake = memory_lake()
    good = [steps(f"good{n}") for n in range(9)]
    put_content(lake, "steps", avro_bytes("steps", [*good, *records], schema))
    update_records(lake, "steps")
    assert manifest_of(lake, "steps").total() == (12, 9, 0, 3)


def test_all_samples_of_a_series_without_an_id_share_one() -> None:
    assert len(set(ids(unnamed(heart_rate(bpm=(60, 61, 62))), name="heart_rate"))) == 1


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_records_of_every_type_can_do_without_an_id(name: str) -> None:
    (record_id,) = set(ids(unnamed(plain(name)), name=name))
    assert record_id.startswith("no-id:")
    assert ids(plain(name, "own"), name=name)[0] == "own"


def test_ids_are_compared_exactly() -> None:
    odd = ["A", "a", "é", "e\u0301", " a", "a ", "x" * 10_000, "x" * 9_999 + "y", "\x00", "../a", "null id"]
    lake = memory_lake()
    put(lake, "steps", [steps(record_id) for record_id in odd])
    update_records(lake, "steps")
    assert manifest_of(lake, "steps").total() == (len(odd), len(odd), 0, 0)
    assert set(records_of(lake, "steps")["record_id"]) == set(odd)
