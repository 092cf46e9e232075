"""From selected measurements to analysed and narrated person-days; shared by every record type."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from health_etl.clinical import all_processors, processors
from health_etl.clinical.common.base import ClinicalOptions, Facts, Level, Metric, Processor
from health_etl.days.pseudonym import source_file, subject
from health_etl.days.select import Selection
from health_etl.errors import PermanentError
from health_etl.insights import partition as insights_partition
from health_etl.insights import person_days
from health_etl.insights.facts import all_facts, clinical_insights
from health_etl.insights.table import CONTEXT, PROFILE, schema
from health_etl.insights.texts import example_id, input_text
from health_etl.insights.writer import with_trends
from health_etl.lake import commits
from health_etl.lake.keys import DAILY_JOURNAL
from health_etl.lake.store import Lake
from health_etl.record_types import record_types
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    NOON,
    UPLOADED,
    Record,
    blood_glucose,
    heart_rate,
    memory_lake,
    plain,
    put,
    steps,
    utc,
)
from health_etl_tests.support.pipeline import (
    OPTIONS,
    insights_of,
    make_insights,
    measure_days,
    narrate_days,
    select_days,
    update_offsets,
    update_records,
)

KEY = OPTIONS.pseudonym_key
ANNA_S = subject(ANNA, KEY)


def upload(lake: Lake, name: str, *records: Record, upload_date: date = UPLOADED, user_id: str = ANNA) -> str:
    key = put(lake, name, records, upload_date=upload_date, user_id=user_id)
    update_records(lake, name, upload_date)
    update_offsets(lake, upload_date)
    return key


def analysed(lake: Lake, name: str, qualities: dict[str, float], upload_date: date = UPLOADED) -> pd.DataFrame:
    return measure_days(select_days(lake, name, upload_date), name, qualities)


def readings(count: int = 3, zone: str = "-05:00") -> list[Record]:
    return [blood_glucose(f"g{n}", NOON + timedelta(minutes=5 * n), 100.0 + n, zone) for n in range(count)]


@pytest.mark.parametrize("name", sorted(record_types()))
def test_a_narrated_row_has_exactly_the_columns_of_its_table(name: str) -> None:
    lake = memory_lake()
    key = upload(lake, name, plain(name))
    rows = narrate_days(analysed(lake, name, {key: 1.0}), name)
    assert sorted(rows.columns) == sorted(schema(processors()[name]).names)
    assert rows["input"].notna().all()
    assert [[caption["level"] for caption in captions] for captions in rows["captions"]] == [list(Level)]


NOT_COMPUTED = Metric("pulse_pressure_mmhg", "Pulse pressure", "Declared and never computed")


def trended_by(processor: Processor) -> pd.DataFrame:
    lake = memory_lake()
    key = upload(lake, "blood_glucose", *readings())
    rows = person_days.analyse(
        select_days(lake, "blood_glucose"), processor, OPTIONS.clinical, {key: 1.0}, KEY, OPTIONS.profiles
    )
    return with_trends(rows, rows, processor, ClinicalOptions())


@pytest.mark.parametrize("kind", ["metrics", "trends"])
def test_a_metric_that_is_declared_and_not_computed_is_an_error_that_names_it(kind: str) -> None:
    processor = processors()["blood_glucose"]
    wrong = replace(processor, **{kind: (*getattr(processor, kind), NOT_COMPUTED)})
    with pytest.raises(PermanentError, match="blood_glucose declares but does not compute: pulse_pressure_mmhg"):
        trended_by(wrong)


@pytest.mark.parametrize("kind", ["metrics", "trends"])
def test_a_metric_that_is_computed_and_not_declared_is_an_error_that_names_it(kind: str) -> None:
    processor = processors()["blood_glucose"]
    first, *others = getattr(processor, kind)
    wrong = replace(processor, **{kind: tuple(others)})
    with pytest.raises(PermanentError, match=f"blood_glucose computes but does not declare: {first.name}"):
        trended_by(wrong)


def test_trends_that_no_look_back_computes_are_an_error() -> None:
    wrong = replace(processors()["blood_glucose"], look_back=None, trends=(NOT_COMPUTED,))
    with pytest.raises(PermanentError, match="blood_glucose declares but does not compute: pulse_pressure_mmhg"):
        trended_by(wrong)


def test_a_day_across_types_that_lacks_a_borrowed_metric_is_an_error_that_names_it() -> None:
    day = all_processors()[DAILY_JOURNAL]
    context = [column.name for column in (*PROFILE, *CONTEXT)]
    metrics = [metric.name for metric in day.metrics[1:]]
    joined = pd.DataFrame([dict.fromkeys(["user_id", "local_date", *context, *metrics], 1)])
    with pytest.raises(PermanentError, match=f"daily_journal declares but does not compute: {day.metrics[0].name}"):
        person_days.day_rows(joined, joined.head(0), day, KEY)


def test_a_row_carries_its_context() -> None:
    lake = memory_lake()
    first = upload(lake, "blood_glucose", *readings())
    second = put(lake, "blood_glucose", [blood_glucose("g9", NOON + timedelta(hours=1), app="com.other")])
    update_records(lake, "blood_glucose")
    (row,) = analysed(lake, "blood_glucose", {first: 1.0, second: 0.8}).to_dict("records")
    assert (row["subject"], row["user_id"], row["local_date"]) == (ANNA_S, ANNA, "2025-09-20")
    assert (row["utc_offset_minutes"], row["zone_source"]) == (-300, "record")
    assert row["day_start_utc"] == pd.Timestamp(utc("2025-09-20 05:00"))
    assert row["day_end_utc"] == pd.Timestamp(utc("2025-09-21 05:00"))
    assert (row["record_count"], row["measurement_count"]) == (4, 4)
    assert row["source_apps"] == "com.example.watch, com.other"
    assert row["quality_score"] == pytest.approx((3 * 1.0 + 0.8) / 4)
    assert row["source_keys"] == sorted((first, second))
    assert row["source_files"] == sorted(source_file(key, KEY) for key in (first, second))
    assert row["withdrawn"] is False


def test_quality_is_the_mean_over_measurements_and_not_over_files() -> None:
    lake = memory_lake()
    key = upload(lake, "heart_rate", heart_rate("h1", NOON, (60,) * 9))
    other = upload(lake, "heart_rate", heart_rate("h2", NOON + timedelta(hours=2), (60,)))
    (row,) = analysed(lake, "heart_rate", {key: 1.0, other: 0.5}).to_dict("records")
    assert row["quality_score"] == pytest.approx(0.95)


def test_a_withdrawn_day_keeps_its_place_and_states_nothing() -> None:
    lake = memory_lake()
    upload(lake, "blood_glucose", blood_glucose("g1", NOON - timedelta(days=1)), upload_date=date(2025, 9, 20))
    key = upload(lake, "blood_glucose", blood_glucose("g1", NOON, version=2))
    rows = narrate_days(analysed(lake, "blood_glucose", {key: 1.0}), "blood_glucose")
    assert rows["local_date"].tolist() == ["2025-09-19", "2025-09-20"]
    assert rows["withdrawn"].tolist() == [True, False]
    gone = rows.iloc[0]
    assert gone["example_id"] == example_id(ANNA_S, "blood_glucose", "2025-09-19")
    assert gone.drop(["subject", "user_id", "local_date", "withdrawn", "retold", "example_id"]).isna().all()


def test_an_upload_that_only_withdraws_a_day_makes_a_table_of_that_row() -> None:
    lake = memory_lake()
    upload(lake, "blood_glucose", blood_glucose("g1", NOON, version=2), upload_date=date(2025, 9, 20))
    upload(lake, "blood_glucose", blood_glucose("g1", NOON - timedelta(days=2), version=1))
    manifest = make_insights(lake, "blood_glucose", "2025-09-20")
    assert manifest.details["person_days"] == 1
    manifest = make_insights(lake, "blood_glucose", UPLOADED.isoformat())
    assert (manifest.rows, manifest.details["person_days"], manifest.details["withdrawn"]) == (2, 1, 1)


@pytest.mark.parametrize("name", sorted(record_types()))
def test_an_upload_that_leaves_nothing_but_withdrawn_days_is_written(name: str) -> None:
    lake = memory_lake()
    key = upload(lake, name, plain(name))
    selection = select_days(lake, name)
    empty = selection.rows.iloc[:0]
    gone = Selection(empty, selection.days.iloc[:0], selection.days[["user_id", "local_date"]])
    rows = narrate_days(measure_days(gone, name, {key: 1.0}), name)
    digests = insights_partition.Digests("days", "inputs", "sha256 of the days")
    day = UPLOADED.isoformat()
    manifest = insights_partition.write(lake, processors()[name], day, digests, rows, (), commits.NO_HEAD)
    assert (manifest.rows, manifest.details["person_days"]) == (len(gone.withdrawn), 0)
    assert insights_of(lake, name)["withdrawn"].all()


def test_a_selection_without_days_gives_a_table_without_rows() -> None:
    lake = memory_lake()
    upload(lake, "blood_glucose", blood_glucose(mg_dl=1.0))
    rows = narrate_days(analysed(lake, "blood_glucose", {}), "blood_glucose")
    assert len(rows) == 0
    assert sorted(rows.columns) == sorted(schema(processors()["blood_glucose"]).names)


def test_rows_are_in_order_of_subject_and_day() -> None:
    lake = memory_lake()
    days = [blood_glucose(f"g{n}", NOON - timedelta(days=n)) for n in range(3)]
    first = upload(lake, "blood_glucose", *days, user_id=BEN)
    second = upload(lake, "blood_glucose", *days, user_id=ANNA)
    rows = analysed(lake, "blood_glucose", {first: 1.0, second: 1.0})
    order = list(zip(rows["subject"], rows["local_date"], strict=True))
    assert order == sorted(order)
    assert len(set(order)) == 6


def test_an_example_id_is_permanent_and_differs_by_subject_type_and_day() -> None:
    known = example_id("0123456789abcdef", "blood_glucose", "2025-09-20")
    # SHA-256 of "0123456789abcdef|blood_glucose|2025-09-20", as sha256sum tells it
    assert known == "50d9b3a9414dfb858a0749f5a6d913cf"
    others = {
        example_id("0123456789abcdee", "blood_glucose", "2025-09-20"),
        example_id("0123456789abcdef", "steps", "2025-09-20"),
        example_id("0123456789abcdef", "blood_glucose", "2025-09-21"),
    }
    assert len(others | {known}) == 4


def input_of(lake: Lake, name: str, key: str) -> str:
    (text,) = narrate_days(analysed(lake, name, {key: 1.0}), name)["input"]
    return str(text)


def instructions_of(lake: Lake, name: str, key: str) -> list[dict[str, str]]:
    rows = narrate_days(analysed(lake, name, {key: 1.0}), name)
    return [{caption["level"]: caption["instruction"] for caption in captions} for captions in rows["captions"]]


def test_the_input_carries_context_metrics_and_references() -> None:
    lake = memory_lake()
    key = upload(lake, "blood_glucose", *readings())
    lines = input_of(lake, "blood_glucose", key).splitlines()
    assert lines[:7] == [
        "Record type: Blood glucose",
        "Local date: 2025-09-20 (UTC-05:00, as the records state)",
        "Source apps: com.example.watch",
        "Records: 3",
        "Measurements: 3",
        "Profile: none, adult defaults apply",
        "Coverage: 1 %",
    ]
    assert lines[7] == "Coverage note: 1 % of the day recorded, 70 % needed"
    assert "Mean glucose: 101.0 mg/dL" in lines
    assert "Lowest glucose: 100 mg/dL" in lines
    assert not any(line.startswith("Time in range 70–180") for line in lines), "missing is not zero"
    guidelines = processors()["blood_glucose"].guidelines
    assert lines[-len(guidelines) :] == [f"Reference: {line}" for line in guidelines]


@pytest.mark.parametrize(
    ("evidence", "line"),
    [
        (True, "Local date: 2025-09-20 (UTC-05:00, as the person's other sources state)"),
        (False, "Local date: 2025-09-20 (UTC+00:00, assumed, no record states it)"),
    ],
)
def test_the_input_says_where_the_offset_came_from(evidence: bool, line: str) -> None:
    lake = memory_lake()
    if evidence:
        upload(lake, "heart_rate", heart_rate())
    key = upload(lake, "blood_glucose", *readings(zone="Z"))
    assert line in input_of(lake, "blood_glucose", key).splitlines()


def test_the_instruction_is_one_of_the_processor_s_and_stays_with_the_example() -> None:
    lake = memory_lake()
    key = upload(lake, "steps", steps())
    (asked,) = instructions_of(lake, "steps", key)
    assert all(asked[level] in processors()["steps"].instructions[level] for level in Level)
    assert instructions_of(lake, "steps", key) == [asked]


def test_the_instructions_of_many_examples_use_every_wording() -> None:
    lake = memory_lake()
    key = upload(lake, "steps", *(steps(f"s{n}", NOON - timedelta(days=n)) for n in range(40)))
    asked = instructions_of(lake, "steps", key)
    for level in Level:
        assert {one[level] for one in asked} == set(processors()["steps"].instructions[level])


def trended(rows: pd.DataFrame) -> pd.DataFrame:
    return with_trends(rows, rows, processors()["blood_glucose"], ClinicalOptions())


def facts(values: dict[str, object], written: dict[str, str]) -> Facts:
    context = {
        "local_date": "2025-09-20",
        "utc_offset": "UTC+05:30",
        "zone_source": "record",
        "source_apps": "com.app",
        "record_count": "1",
        "measurement_count": "1",
        "coverage_percent": "100",
    }
    return Facts(values, context | written)


def test_a_metric_without_a_value_is_left_out_of_the_input() -> None:
    processor = processors()["steps"]
    metric = processor.metrics[0]
    without = input_text(facts({}, {}), processor)
    assert f"\n{metric.label}: " not in without
    assert f"\n{metric.label}: 7" in input_text(facts({}, {metric.name: "7"}), processor)


@pytest.mark.parametrize(
    ("minutes", "written"),
    [(-300, "UTC-05:00"), (330, "UTC+05:30"), (0, "UTC+00:00"), (-210, "UTC-03:30"), (845, "UTC+14:05")],
)
def test_an_offset_is_written_with_sign_hours_and_minutes(minutes: int, written: str) -> None:
    lake = memory_lake()
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    key = upload(lake, "blood_glucose", *readings(zone=f"{sign}{size // 60:02}:{size % 60:02}"))
    rows = analysed(lake, "blood_glucose", {key: 1.0})
    assert all_facts(trended(rows), processors()["blood_glucose"])[0]["utc_offset"] == written


def test_numbers_are_written_with_the_decimals_of_their_metric_and_never_as_minus_zero() -> None:
    processor = processors()["blood_glucose"]
    row = dict.fromkeys((metric.name for metric in processor.all_metrics), None) | {
        "mean_mg_dl": -0.04,
        "lowest_mg_dl": 99.6,
        "highest_range": "high",
        "reading_count": 12,
    }
    (found,) = clinical_insights(pd.DataFrame({name: [value] for name, value in row.items()}), processor)
    assert list(found) == [metric.name for metric in processor.all_metrics if metric.reported]
    assert {name: value for name, value in found.items() if value is not None} == {
        "reading_count": 12,
        "mean_mg_dl": 0.0,
        "lowest_mg_dl": 100,
        "highest_range": "high",
    }


def test_facts_are_written_with_the_decimals_of_their_metric_and_never_as_minus_zero() -> None:
    lake = memory_lake()
    key = upload(lake, "blood_glucose", *readings())
    rows = analysed(lake, "blood_glucose", {key: 1.0}).assign(mean_mg_dl=-0.04, lowest_mg_dl=99.6, sd_mg_dl=2.0)
    (found,) = all_facts(trended(rows), processors()["blood_glucose"])
    assert (found["mean_mg_dl"], found["lowest_mg_dl"], found["sd_mg_dl"]) == ("0.0", "100", "2.0")


def test_what_is_written_is_what_the_machine_readable_metrics_say() -> None:
    lake = memory_lake()
    key = upload(
        lake, "blood_glucose", *(blood_glucose(f"g{n}", NOON + timedelta(minutes=5 * n), 100 + n / 3) for n in range(7))
    )
    rows = analysed(lake, "blood_glucose", {key: 1.0})
    processor = processors()["blood_glucose"]
    (found,) = all_facts(trended(rows), processor)
    (machine,) = clinical_insights(trended(rows), processor)
    numeric: list[Metric] = [m for m in processor.all_metrics if isinstance(machine.get(m.name), int | float)]
    assert numeric
    assert [float(found[metric.name]) for metric in numeric] == [machine[metric.name] for metric in numeric]
