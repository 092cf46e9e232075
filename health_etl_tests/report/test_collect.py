"""What a report is made from: the latest insight of each day, and the measurements as the insights place them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from health_etl.days.select import rows_on_dates
from health_etl.errors import PermanentError
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_table
from health_etl.record_types import record_types
from health_etl.report.collect import Collected, Period, collect
from health_etl.settings import Settings
from health_etl_tests.support.exports import ANNA, BEN, UPLOADED, blood_glucose, memory_lake, put, steps, utc
from health_etl_tests.support.pipeline import OPTIONS, bring_up_to_date, insights_manifest_of, overwrite_table

SETTINGS = Settings.model_validate({"pseudonym_key": OPTIONS.pseudonym_key, "default_time_zone": "UTC"})
DAY = date(2025, 9, 20)
NEXT_UPLOAD = UPLOADED + timedelta(days=1)


def glucose(record_id: str, clock: str, mg_dl: float = 108.0, day: date = DAY, **other: Any) -> dict[str, Any]:
    """A reading at a local clock time, at -05:00."""
    return blood_glucose(record_id, utc(f"{day} {clock}") + timedelta(hours=5), mg_dl, **other)


def collected_of(lake: Lake, name: str, period: Period, user_id: str = ANNA) -> Collected:
    return next(one for one in collect(lake, SETTINGS, user_id, period) if one.processor.name == name)


@pytest.fixture
def lake() -> Lake:
    lake = memory_lake()
    put(lake, "blood_glucose", [glucose("g1", "08:00"), glucose("g2", "08:05")], user_id=ANNA)
    put(lake, "blood_glucose", [glucose("b1", "09:00")], user_id=BEN)
    bring_up_to_date(lake)
    return lake


def test_a_later_upload_has_the_last_word_on_a_day(lake: Lake) -> None:
    before = collected_of(lake, "blood_glucose", Period(DAY, DAY))
    put(lake, "blood_glucose", [glucose("g3", "08:10")], user_id=ANNA, upload_date=NEXT_UPLOAD)
    bring_up_to_date(lake)
    after = collected_of(lake, "blood_glucose", Period(DAY, DAY))
    assert before.days.insights["reading_count"].tolist() == [2]
    assert after.days.insights["reading_count"].tolist() == [3]
    assert (before.latest_upload, after.latest_upload) == (UPLOADED.isoformat(), NEXT_UPLOAD.isoformat())


def test_nothing_of_another_person_is_read(lake: Lake) -> None:
    collected = collected_of(lake, "blood_glucose", Period(DAY, DAY))
    assert set(collected.days.insights["user_id"]) == {ANNA}
    assert set(collected.days.measurements()["user_id"]) == {ANNA}


def test_the_day_across_types_comes_first(lake: Lake) -> None:
    names = [one.processor.name for one in collect(lake, SETTINGS, ANNA, Period(DAY, DAY))]
    assert names == [keys.DAILY_JOURNAL, "blood_glucose"]


def test_days_before_the_period_are_at_hand_for_baselines_and_stay_out_of_it(lake: Lake) -> None:
    before = glucose("g0", "08:00", day=DAY - timedelta(days=1))
    put(lake, "blood_glucose", [before], user_id=ANNA, upload_date=NEXT_UPLOAD)
    bring_up_to_date(lake)
    days = collected_of(lake, "blood_glucose", Period(DAY, DAY)).days
    assert days.insights["local_date"].tolist() == ["2025-09-20"]
    assert days.earlier["local_date"].tolist() == ["2025-09-19"]


def test_a_day_without_insights_is_refused_with_the_days_that_there_are(lake: Lake) -> None:
    with pytest.raises(PermanentError, match=r"no insights of anna_k for 2024-01-01; .* 2025-09-20 to 2025-09-20"):
        collect(lake, SETTINGS, ANNA, Period(date(2024, 1, 1), date(2024, 1, 1)))


def test_an_unknown_person_is_refused_and_nobody_else_named(lake: Lake) -> None:
    with pytest.raises(PermanentError, match="no insights of nobody: check the user id") as failure:
        collect(lake, SETTINGS, "nobody", Period(DAY, DAY))
    assert ANNA not in str(failure.value)


def test_the_measurements_are_the_latest_versions_of_the_day() -> None:
    lake = memory_lake()
    put(lake, "blood_glucose", [glucose("g1", "08:00", 90.0, version=1), glucose("g2", "23:59")], user_id=ANNA)
    put(lake, "blood_glucose", [glucose("g1", "08:00", 126.0, version=2)], user_id=ANNA, upload_date=NEXT_UPLOAD)
    bring_up_to_date(lake)
    rows = collected_of(lake, "blood_glucose", Period(DAY, DAY)).days.measurements()
    assert rows.set_index("record_id")["glucose_mg_dl"].round(6).to_dict() == {"g1": 126.0, "g2": 108.0}
    assert set(rows["local_date"]) == {"2025-09-20"}


def test_a_day_without_measurements_has_none() -> None:
    lake = memory_lake()
    put(lake, "steps", [steps("s1", utc("2025-09-20 15:00"), utc("2025-09-20 16:00"), 500)], user_id=ANNA)
    bring_up_to_date(lake)
    catalogue = Catalogue(lake)
    rows = rows_on_dates(
        lake, record_types()["steps"], [ANNA], ["2025-01-01"], catalogue.records("steps"), catalogue.offsets, 0
    )
    assert rows.empty
    assert "local_date" in rows


def test_insights_of_another_version_are_refused_with_the_remedy(lake: Lake) -> None:
    key = insights_manifest_of(lake, "blood_glucose").table_key
    table = read_table(lake, key).drop_columns(["reading_count"])
    overwrite_table(lake, key, table.to_pandas(), table.schema)
    with pytest.raises(PermanentError, match="another version of health_etl; run `health-etl run`"):
        collect(lake, SETTINGS, ANNA, Period(DAY, DAY))
