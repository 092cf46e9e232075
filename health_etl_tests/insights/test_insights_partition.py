"""What an insights partition is made from, and its manifest."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest

from health_etl.clinical.common.base import ClinicalOptions
from health_etl.days.profiles import Profile
from health_etl.insights import partition as insights_partition
from health_etl.insights.partition import InsightOptions, inputs
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.settings import Settings
from health_etl_tests.support.exports import (
    ANNA,
    NOON,
    UPLOADED,
    Record,
    blood_glucose,
    contents,
    heart_rate,
    memory_lake,
    put,
    utc,
)
from health_etl_tests.support.pipeline import (
    OPTIONS,
    insights_manifest_of,
    insights_of,
    make_insights,
    update_offsets,
    update_records,
)

PARTITION = UPLOADED.isoformat()
NEXT = UPLOADED + timedelta(days=1)


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def upload(lake: Lake, name: str, *records: Record, upload_date: date = UPLOADED) -> None:
    put(lake, name, records, upload_date=upload_date)
    update_records(lake, name, upload_date)
    update_offsets(lake, upload_date)


def digest_of(lake: Lake, partition: str = PARTITION, options: InsightOptions = OPTIONS) -> str | None:
    found = inputs(Catalogue(lake), "blood_glucose", partition, options)
    return found.digest if found else None


def test_nothing_calls_for_a_date_without_records_and_without_offsets(lake: Lake) -> None:
    upload(lake, "blood_glucose", blood_glucose())
    assert digest_of(lake, "2025-09-25") is None


def test_records_call_for_their_date_and_offsets_for_theirs_where_records_need_them(lake: Lake) -> None:
    upload(lake, "blood_glucose", blood_glucose(zone="-05:00"))
    upload(lake, "heart_rate", heart_rate(), upload_date=NEXT)
    assert digest_of(lake) is not None
    assert digest_of(lake, NEXT.isoformat()) is None
    upload(lake, "blood_glucose", blood_glucose("g2", zone="Z"))
    assert digest_of(lake, NEXT.isoformat()) is not None


def test_a_partition_that_was_written_is_kept_up_to_date_when_nothing_calls_for_it_any_more(lake: Lake) -> None:
    upload(lake, "blood_glucose", blood_glucose(zone="Z", version=1))
    upload(lake, "heart_rate", heart_rate(), upload_date=NEXT)
    assert make_insights(lake, "blood_glucose", NEXT.isoformat()).rows == 1
    upload(lake, "blood_glucose", blood_glucose(zone="-05:00", version=2))
    assert digest_of(lake, NEXT.isoformat()) is not None
    assert make_insights(lake, "blood_glucose", NEXT.isoformat()).rows == 0


@pytest.mark.parametrize("days_before", [0, 1, 7])
def test_the_inputs_change_with_the_records_of_the_window(lake: Lake, days_before: int) -> None:
    upload(lake, "blood_glucose", blood_glucose())
    before = digest_of(lake)
    upload(lake, "blood_glucose", blood_glucose("other"), upload_date=UPLOADED - timedelta(days=days_before))
    assert digest_of(lake) != before


@pytest.mark.parametrize("days_after", [1, 30])
def test_the_inputs_stay_whatever_comes_later(lake: Lake, days_after: int) -> None:
    upload(lake, "blood_glucose", blood_glucose())
    before = digest_of(lake)
    upload(lake, "blood_glucose", blood_glucose("other"), upload_date=UPLOADED + timedelta(days=days_after))
    assert digest_of(lake) == before


def test_the_inputs_stay_when_records_long_before_the_window_change(lake: Lake) -> None:
    upload(lake, "blood_glucose", blood_glucose())
    before = digest_of(lake)
    old = blood_glucose("other", utc("2025-06-01 12:00"))
    upload(lake, "blood_glucose", old, upload_date=date(2025, 6, 1))
    assert digest_of(lake) == before


def test_the_inputs_stay_when_other_types_bring_no_evidence_that_is_needed(lake: Lake) -> None:
    upload(lake, "blood_glucose", blood_glucose(zone="-05:00"))
    before = digest_of(lake)
    upload(lake, "heart_rate", heart_rate())
    assert digest_of(lake) == before


def test_the_inputs_change_with_evidence_for_records_that_state_no_offset(lake: Lake) -> None:
    upload(lake, "blood_glucose", blood_glucose(zone="Z"))
    before = digest_of(lake)
    upload(lake, "heart_rate", heart_rate())
    assert digest_of(lake) != before


@pytest.mark.parametrize(
    "changed",
    [
        {"pseudonym_key": "another key for tests"},
        {"default_zone_name": "America/Chicago"},
        {"clinical": ClinicalOptions(app_priority=("com.ring",))},
        {"profiles": {ANNA: Profile(birth_year=1980)}},
    ],
    ids=["pseudonym key", "default zone", "app priority", "profiles"],
)
def test_the_inputs_change_with_every_option(lake: Lake, changed: dict[str, object]) -> None:
    upload(lake, "blood_glucose", blood_glucose())
    options = dataclasses.replace(OPTIONS, **changed)  # type: ignore[arg-type]
    assert digest_of(lake, options=options) != digest_of(lake)


def test_the_inputs_change_with_the_code_version(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(lake, "blood_glucose", blood_glucose())
    before = digest_of(lake)
    monkeypatch.setattr(insights_partition, "CODE_VERSION", "next")
    assert digest_of(lake) != before


def test_the_fingerprint_of_the_options_does_not_hold_the_key() -> None:
    assert OPTIONS.pseudonym_key not in OPTIONS.fingerprint


def test_options_are_taken_from_the_settings() -> None:
    settings = Settings.model_validate(
        {"pseudonym_key": "a key for tests alone", "default_time_zone": "-05:00", "app_priority": "com.a, com.b"}
    )
    options = InsightOptions.of(settings, memory_lake())
    assert options == InsightOptions("a key for tests alone", "-05:00", ClinicalOptions(("com.a", "com.b")))
    assert options.default_zone == -300


def test_qualities_are_those_of_every_readable_file_of_the_window(lake: Lake) -> None:
    key = put(lake, "blood_glucose", [blood_glucose("g1"), blood_glucose("g2", mg_dl=1.0)])
    bad = put(lake, "blood_glucose", [])
    upload(lake, "blood_glucose", blood_glucose("g3"), upload_date=NEXT)
    update_records(lake, "blood_glucose")
    catalogue = Catalogue(lake)
    found = inputs(catalogue, "blood_glucose", NEXT.isoformat(), OPTIONS)
    assert found is not None
    scores = insights_partition.qualities(lake, catalogue, "blood_glucose", found.window)
    assert len(scores) == 2
    assert bad not in scores
    assert scores[key] == 0.9


def test_the_manifest_states_the_local_months_and_what_was_withdrawn(lake: Lake) -> None:
    moved = blood_glucose("g1", utc("2025-08-31 12:00"))
    upload(lake, "blood_glucose", moved, upload_date=date(2025, 9, 1))
    september = [blood_glucose("g1", utc("2025-09-01 12:00"), version=2), blood_glucose("g2", utc("2025-09-02 12:00"))]
    upload(lake, "blood_glucose", *september, upload_date=date(2025, 9, 3))
    manifest = make_insights(lake, "blood_glucose", "2025-09-03")
    assert manifest.rows == 3
    digests = {name: manifest.details[name] for name in ("days_digest", "days_sha256")}
    assert manifest.details == digests | {
        "local_months": {"2025-08": 1, "2025-09": 2},
        "local_dates": ["2025-08-31", "2025-09-01", "2025-09-02"],
        "person_days": 2,
        "withdrawn": 1,
        "retold": 0,
        "domain": "metabolic_diabetes",
        "failed_people": [],
    }


def test_the_same_inputs_give_the_same_bytes(lake: Lake) -> None:
    upload(lake, "blood_glucose", *(blood_glucose(f"g{n}", NOON - timedelta(hours=n)) for n in range(50)))
    make_insights(lake, "blood_glucose", PARTITION)
    before = contents(lake, "insights/")
    lake.delete(before)
    make_insights(lake, "blood_glucose", PARTITION)
    assert contents(lake, "insights/") == before


def test_the_table_and_its_manifest_lie_together_and_agree(lake: Lake) -> None:
    upload(lake, "blood_glucose", blood_glucose())
    made = make_insights(lake, "blood_glucose", PARTITION)
    folder = keys.insights_folder("blood_glucose", PARTITION)
    assert set(contents(lake, "insights/")) == {made.table_key, keys.manifest_key(folder, 1)}
    assert insights_manifest_of(lake, "blood_glucose") == made
    assert lake.sha256(made.table_key) == made.output_sha256
    assert insights_of(lake, "blood_glucose")["user_id"].tolist() == [ANNA]
