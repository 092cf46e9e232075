"""The checks of a records partition: each passes on good uploads and fails on what it is meant to find."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from health_etl.check_result import CheckResult
from health_etl.lake.keys import mask_key
from health_etl.lake.manifest import Counts, FileEntry, RecordsManifest
from health_etl.lake.store import Lake
from health_etl.record_types import record_types
from health_etl.records import checks as records_checks
from health_etl.records.checks import CHECKS, Partition
from health_etl.records.quality import QualityRules
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    BUILDERS,
    NOON,
    UPLOADED,
    Record,
    avro_bytes,
    blood_glucose,
    memory_lake,
    plain,
    put,
    put_content,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import files_of, manifest_of, overwrite_table, records_of, update_records

GLUCOSE = record_types()["blood_glucose"]
IN_2031 = utc("2031-01-01 00:00")


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def readings(count: int, first: int = 0, **arguments: Any) -> list[Record]:
    return [blood_glucose(f"g{n}", NOON + timedelta(minutes=n), **arguments) for n in range(first, first + count)]


def subject(
    lake: Lake, name: str = "blood_glucose", on: date = UPLOADED, rules: QualityRules | None = None
) -> Partition:
    found = records_checks.partitions(lake, record_types()[name], [on.isoformat()], rules or QualityRules())
    ((_, partition),) = found
    return partition


def result(check: str, partition: Partition) -> CheckResult:
    (judge,) = [known.judge for known in CHECKS if known.name == check]
    return judge(partition)


def failing(partition: Partition) -> set[str]:
    return {check.name for check in CHECKS if not check.judge(partition).passed}


def tampered(lake: Lake, **changes: object) -> Partition:
    """Return the partition as if its manifest said something else about its first file."""
    manifest = manifest_of(lake, "blood_glucose")
    first, *others = files_of(lake, "blood_glucose")
    return with_files(lake, manifest, (dataclasses.replace(first, **changes), *others))  # type: ignore[arg-type]


def with_files(lake: Lake, manifest: RecordsManifest, files: tuple[FileEntry, ...]) -> Partition:
    """Return the partition with these accounts."""
    partition = replace(subject(lake), manifest=replace(manifest, counts=Counts.of(files)))
    partition.__dict__["files"] = files
    return partition


@pytest.mark.parametrize("name", sorted(record_types()))
def test_every_check_passes_on_good_uploads_of_every_type(lake: Lake, name: str) -> None:
    put(lake, name, [plain(name, "r1"), plain(name, "r2")])
    update_records(lake, name)
    assert failing(subject(lake, name)) == set()


def test_every_check_passes_without_uploads(lake: Lake) -> None:
    assert failing(subject(lake)) == set()


def test_only_accounting_blocks_what_is_downstream() -> None:
    assert [check.name for check in CHECKS if check.is_blocking] == ["accounting"]


def test_accounting_counts_duplicates_rejected_rows_and_refused_files(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(4))
    put(lake, "blood_glucose", [*readings(5), blood_glucose("wild", mg_dl=999.0)])
    put(lake, "blood_glucose", readings(3, mg_dl=999.0), user_id=BEN)
    update_records(lake, "blood_glucose")
    found = result("accounting", subject(lake))
    assert found.passed
    assert found.facts == {"rows_in": 13, "accepted": 5, "duplicate": 4, "quarantined": 4}


def test_accounting_counts_a_record_with_a_bad_sample_once(lake: Lake) -> None:
    record = copy.deepcopy(plain("heart_rate"))
    record["samples"].append({**record["samples"][-1], "beatsPerMinute": 999})
    put(lake, "heart_rate", [record])
    update_records(lake, "heart_rate")
    assert manifest_of(lake, "heart_rate").rejected_rows == 1
    assert result("accounting", subject(lake, "heart_rate")).passed


@pytest.mark.parametrize(
    "changes",
    [{"accepted": 3, "quarantined": 1}, {"accepted": 3, "duplicate": 1}, {"rows_in": 5}, {"accepted": 5, "rows_in": 5}],
    ids=str,
)
def test_accounting_fails_when_the_manifest_counts_other_rows(lake: Lake, changes: dict[str, int]) -> None:
    put(lake, "blood_glucose", readings(4))
    update_records(lake, "blood_glucose")
    found = result("accounting", tampered(lake, **changes))
    assert (found.passed, found.is_serious) == (False, True)
    assert [row["file"] for row in found.rows] == [mask_key(files_of(lake, "blood_glucose")[0].key)]


def test_accounting_fails_when_a_row_is_gone_from_the_table(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(4))
    update_records(lake, "blood_glucose")
    key, rows = manifest_of(lake, "blood_glucose").table_key, records_of(lake, "blood_glucose")
    overwrite_table(lake, key, rows.iloc[1:], GLUCOSE.arrow_schema)
    assert not result("accounting", subject(lake)).passed


def test_accounting_fails_when_the_rejected_rows_are_gone(lake: Lake) -> None:
    put(lake, "blood_glucose", [*readings(4), blood_glucose("wild", mg_dl=999.0)])
    update_records(lake, "blood_glucose")
    lake.delete([str(manifest_of(lake, "blood_glucose").rejected_key)])
    assert not result("accounting", subject(lake)).passed


def test_accounting_fails_when_the_whole_table_is_gone(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(4))
    update_records(lake, "blood_glucose")
    lake.delete([manifest_of(lake, "blood_glucose").table_key])
    assert not result("accounting", subject(lake)).passed


def test_accounting_fails_when_the_table_has_rows_of_a_file_that_is_not_in_the_manifest(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(4))
    put(lake, "blood_glucose", readings(2, first=9), user_id=BEN)
    update_records(lake, "blood_glucose")
    manifest = manifest_of(lake, "blood_glucose")
    found = result("accounting", with_files(lake, manifest, files_of(lake, "blood_glucose")[:1]))
    assert not found.passed
    assert [row["fault"] for row in found.rows] == ["its rows are in no manifest"]


def with_fields(fields: list[dict[str, Any]]) -> bytes:
    return avro_bytes("blood_glucose", readings(2), {**GLUCOSE.avro_schema, "fields": fields})


def test_an_added_field_is_a_warning_that_names_it(lake: Lake) -> None:
    added = {"name": "mood", "type": ["null", "string"], "default": None}
    put_content(lake, "blood_glucose", with_fields([*GLUCOSE.avro_schema["fields"], added]))
    update_records(lake, "blood_glucose")
    found = result("schema_drift", subject(lake))
    assert (found.passed, found.is_serious) == (False, False)
    assert [row["fault"] for row in found.rows] == ["mood was added"]


def test_a_schema_that_lost_a_field_is_serious(lake: Lake) -> None:
    without = [field for field in GLUCOSE.avro_schema["fields"] if field["name"] != "levelInMilligramsPerDeciliter"]
    put_content(lake, "blood_glucose", with_fields(without))
    update_records(lake, "blood_glucose")
    partition = subject(lake)
    assert result("schema_drift", partition).is_serious
    assert failing(partition) == {"schema_drift", "refused_files"}


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_completeness_fails_for_every_type_when_an_expected_column_is_empty(lake: Lake, name: str) -> None:
    put(lake, name, [BUILDERS[name]("full")])
    update_records(lake, name)
    assert result("completeness", subject(lake, name)).passed
    put(lake, name, [without_offsets(BUILDERS[name]("poor"))], user_id=BEN)
    update_records(lake, name)
    found = result("completeness", subject(lake, name))
    assert (found.passed, found.is_serious) == (False, False)
    assert {row["column"].removeprefix("start_").removeprefix("end_") for row in found.rows} == {"zone_offset"}
    assert found.facts["least_filled"] == pytest.approx(float(found.rows[0]["filled"].rstrip("%")) / 100, abs=1e-3)


def without_offsets(record: Record) -> Record:
    return {field: None if field.endswith("ffsetId") else value for field, value in record.items()}


@pytest.mark.parametrize(("poor", "passes"), [(1, True), (2, False)])
def test_completeness_is_computed_over_measurements_and_not_over_files(lake: Lake, poor: int, passes: bool) -> None:
    put(lake, "steps", [steps(f"s{n}", NOON + timedelta(hours=n)) for n in range(10)])
    put(lake, "steps", [steps(f"p{n}", zone=None) for n in range(poor)], user_id=BEN)
    update_records(lake, "steps")
    found = result("completeness", subject(lake, "steps"))
    assert found.passed == passes
    assert found.facts["least_filled"] == pytest.approx(10 / (10 + poor), abs=1e-3)


def test_rows_that_were_rejected_for_a_missing_value_count_as_empty(lake: Lake) -> None:
    put(lake, "blood_glucose", [*readings(8), blood_glucose("n", NOON, float("nan"))])
    update_records(lake, "blood_glucose")
    found = result("completeness", subject(lake))
    assert [dict(row) for row in found.rows] == [{"column": "glucose_mg_dl", "filled": "88.9%"}]


def test_a_value_out_of_range_fails_the_physiological_check_alone(lake: Lake) -> None:
    put(lake, "blood_glucose", [*readings(99), blood_glucose("wild", mg_dl=999.0)])
    update_records(lake, "blood_glucose")
    partition = subject(lake)
    assert failing(partition) == {"physiological"}
    found = result("physiological", partition)
    assert found.facts == {"measurements": 1}
    assert [row["fault"] for row in found.rows] == ["glucose_mg_dl:out_of_range"]
    assert "override" in found.rows[0]["remedy"]
    assert "999" not in repr(found)


def test_an_impossible_time_fails_the_temporal_check_alone(lake: Lake) -> None:
    put(lake, "blood_glucose", [*readings(99), blood_glucose("late", moment=IN_2031)])
    update_records(lake, "blood_glucose")
    partition = subject(lake)
    assert failing(partition) == {"temporal"}
    assert [row["fault"] for row in result("temporal", partition).rows] == ["time_utc:time_implausible"]


def test_temporal_faults_defined_by_a_type_count_too(lake: Lake) -> None:
    record = copy.deepcopy(plain("heart_rate"))
    record["samples"][-1]["timeEpochMillis"] = record["endTimeEpochMillis"] + 1
    put(lake, "heart_rate", [record])
    update_records(lake, "heart_rate")
    found = result("temporal", subject(lake, "heart_rate"))
    assert not found.passed
    assert [row["fault"] for row in found.rows] == ["outside_record"]


def poor_file() -> list[Record]:
    """Return a file with one good record and others of impossible time and value: its score is 0.68."""
    return [*(blood_glucose(f"p{n}", moment=IN_2031, mg_dl=999.0) for n in range(4)), blood_glucose("fine")]


def test_a_file_below_the_threshold_fails_the_quality_check_with_a_remedy(lake: Lake) -> None:
    put(lake, "blood_glucose", poor_file())
    update_records(lake, "blood_glucose")
    found = result("quality", subject(lake))
    assert (found.passed, found.is_serious) == (False, True)
    assert found.facts == {"mean_score": 0.68, "lowest_score": 0.68, "threshold": 0.7}
    assert "release it with an override" in found.summary


def test_a_refused_file_is_listed_with_reason_and_remedy_but_without_the_person(lake: Lake) -> None:
    key = put_content(lake, "blood_glucose", b"no Avro at all")
    put(lake, "blood_glucose", readings(2))
    update_records(lake, "blood_glucose")
    found = result("refused_files", subject(lake))
    assert (found.passed, found.is_serious) == (False, True)
    assert found.facts == {"files": 2, "refused_files": 1, "unexpected": 0}
    (row,) = found.rows
    assert row["file"] == mask_key(key)
    assert row["fault"].startswith("not_avro: ")
    assert row["remedy"] == "upload the Avro file that the phone wrote"
    assert ANNA not in repr(found)


def history(lake: Lake, wild: int, days: int = 3, each: int = 50) -> date:
    """Upload on `days` dates, with that many readings out of range each; return the date after them."""
    for day in range(days):
        on = UPLOADED + timedelta(days=day)
        put(lake, "blood_glucose", [*readings(each - wild), *readings(wild, 500, mg_dl=999.0)], upload_date=on)
        update_records(lake, "blood_glucose", on)
    return UPLOADED + timedelta(days=days)


def upload(lake: Lake, on: date, wild: int, count: int) -> CheckResult:
    put(lake, "blood_glucose", [*readings(count - wild), *readings(wild, 500, mg_dl=999.0)], upload_date=on)
    update_records(lake, "blood_glucose", on)
    return result("quarantine_rate", subject(lake, on=on))


def test_a_quarantine_rate_far_above_that_of_earlier_partitions_fails(lake: Lake) -> None:
    found = upload(lake, history(lake, wild=0), wild=6, count=50)
    assert (found.passed, found.is_serious) == (False, False)
    assert found.facts == {"rate": 0.12, "rate_before": 0.0, "limit": 0.05, "records_before": 150}


def test_a_constantly_high_quarantine_rate_passes(lake: Lake) -> None:
    found = upload(lake, history(lake, wild=5), wild=10, count=50)
    assert found.passed
    assert (found.facts["rate"], found.facts["rate_before"], found.facts["limit"]) == (0.2, 0.1, 0.25)


def test_a_short_history_does_not_raise_the_limit(lake: Lake) -> None:
    found = upload(lake, history(lake, wild=9, days=1), wild=10, count=50)
    assert not found.passed
    assert (found.facts["limit"], found.facts["records_before"]) == (0.05, 50)


def test_a_partition_is_compared_with_those_before_it_and_not_with_later_ones(lake: Lake) -> None:
    history(lake, wild=0, days=2)
    manifests = subject(lake, on=UPLOADED + timedelta(days=1)).history
    assert [manifest.partition for manifest in manifests] == [UPLOADED.isoformat()]


def test_history_reaches_back_a_bounded_number_of_partitions(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_checks, "HISTORY_PARTITIONS", 2)
    after = history(lake, wild=0, each=1)
    assert [m.partition for m in subject(lake, on=after).history] == ["2025-09-22", "2025-09-23"]


def test_a_partition_that_was_never_materialised_is_stale(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1))
    found = result("freshness", subject(lake))
    assert (found.passed, found.facts) == (False, {"files_waiting": 1, "files_gone": 0})


def test_a_new_upload_makes_a_partition_stale_until_it_is_materialised(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    put(lake, "blood_glucose", readings(2))
    found = result("freshness", subject(lake))
    assert (found.passed, found.facts) == (False, {"files_waiting": 1, "files_gone": 0})
    update_records(lake, "blood_glucose")
    assert result("freshness", subject(lake)).passed


def test_an_upload_that_vanished_makes_a_partition_stale(lake: Lake) -> None:
    key = put(lake, "blood_glucose", readings(1))
    put(lake, "blood_glucose", readings(2))
    update_records(lake, "blood_glucose")
    lake.delete([key])
    found = result("freshness", subject(lake))
    assert (found.passed, found.facts) == (False, {"files_waiting": 0, "files_gone": 1})


def test_other_quality_rules_make_a_partition_stale(lake: Lake) -> None:
    put(lake, "blood_glucose", readings(1))
    update_records(lake, "blood_glucose")
    assert not result("freshness", subject(lake, rules=QualityRules(threshold=0.5))).passed


def judged_on_every_fault(lake: Lake) -> Sequence[CheckResult]:
    put_content(lake, "blood_glucose", b"no Avro at all")
    put(lake, "blood_glucose", poor_file())
    put(lake, "blood_glucose", [*readings(3), blood_glucose("wild", mg_dl=998.25)], user_id=BEN)
    update_records(lake, "blood_glucose")
    return [check.judge(tampered(lake, rows_in=99)) for check in CHECKS]


def test_no_result_names_a_person_or_a_reading(lake: Lake) -> None:
    text = repr(judged_on_every_fault(lake))
    assert "raw/BloodGlucoseRecord/2025/09/21/upload-" in text
    assert "_120000_" not in text
    assert [word for word in (ANNA, f"{BEN}_", "998.25", "999", "110.0") if word in text] == []
