"""Pictures in the UI: of enough people or none, naming nobody, small enough for an event."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from health_etl.lake import commits, keys
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import write_table
from health_etl.orchestration.assets.pictures import MAX_BYTES, picture_metadata
from health_etl.report.pictures import pictures
from health_etl_tests.report.person import dates, insights
from health_etl_tests.support.exports import memory_lake

PARTITION = "2025-09-21"
PEOPLE = ("anna_k", "ben", "carla", "dirk", "eva")
WAVE = np.sin(np.linspace(0, 6, 96))
COLUMNS = {
    "active_calories_burned": {"active_kcal_by_hour": (20 + 10 * WAVE[:24]).tolist()},
    "blood_glucose": {"glucose_by_slot_mg_dl": (130 + 60 * WAVE).tolist()},
    "heart_rate": {"bpm_by_hour": (70 + 10 * WAVE[:24]).tolist()},
    "heart_rate_variability_rmssd": {"mean_rmssd_ms": 41.0},
    "sleep_session": {"asleep_utc_minutes": [290.0, 700.0]},
    "steps": {"steps_by_hour": (400 + 300 * WAVE[:24]).tolist()},
}


def write(lake: Lake, name: str, rows: pd.DataFrame) -> None:
    """Write as much of an insights table as a picture reads."""
    lists = {
        column: pa.list_(pa.float64()) if isinstance(value, list) else pa.float64()
        for column, value in COLUMNS[name].items()
    }
    fields = {"user_id": pa.string(), "local_date": pa.string(), "withdrawn": pa.bool_(), **lists}
    schema = pa.schema([("utc_offset_minutes", pa.int64()), *fields.items()])
    folder = keys.insights_folder(name, PARTITION)
    manifest = DerivedManifest(name, PARTITION, "", write_table(lake, folder, rows, schema), len(rows))
    commits.commit(lake, folder, commits.head_of(lake, folder), manifest.to_json())


def people(name: str, *users: str, days: int = 1) -> pd.DataFrame:
    columns = {column: [value] * days for column, value in COLUMNS[name].items()}
    return pd.concat([insights(dates(days), user, **columns) for user in users], ignore_index=True)


@pytest.fixture(params=sorted(COLUMNS))
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_every_picture_is_tried_here() -> None:
    assert sorted(COLUMNS) == sorted(pictures())


def test_enough_people_are_one_small_picture(name: str) -> None:
    lake = memory_lake()
    write(lake, name, people(name, *PEOPLE, days=3))
    shown = picture_metadata(lake, name, PARTITION, 5)["picture"].md_str
    encoded = re.findall(r"!\[[^\]]+\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", shown)
    assert len(encoded) == 1
    assert len(encoded[0]) <= MAX_BYTES
    width, height = Image.open(io.BytesIO(base64.b64decode(encoded[0]))).size
    assert width > 2 * height


def test_one_person_too_few_is_no_picture(name: str) -> None:
    lake = memory_lake()
    write(lake, name, people(name, *PEOPLE[:4], days=9))
    assert picture_metadata(lake, name, PARTITION, 5) == {}


def test_a_person_whose_days_were_withdrawn_does_not_count(name: str) -> None:
    lake = memory_lake()
    rows = people(name, *PEOPLE)
    rows.loc[4, "withdrawn"] = True
    write(lake, name, rows)
    assert picture_metadata(lake, name, PARTITION, 5) == {}


def test_people_without_the_values_do_not_count() -> None:
    lake = memory_lake()
    rows = people("steps", *PEOPLE)
    rows["steps_by_hour"] = [*rows["steps_by_hour"][:4], None]
    write(lake, "steps", rows)
    assert picture_metadata(lake, "steps", PARTITION, 5) == {}


def test_nobody_is_named(name: str) -> None:
    lake = memory_lake()
    write(lake, name, people(name, *PEOPLE))
    shown = picture_metadata(lake, name, PARTITION, 5)["picture"].md_str
    text, _, image = shown.partition("![")
    assert not any(user in text for user in PEOPLE)
    content = base64.b64decode(image.partition("base64,")[2].rstrip(")"))
    assert Image.open(io.BytesIO(content)).info == {}


def test_what_has_no_picture_has_no_metadata() -> None:
    assert picture_metadata(memory_lake(), keys.DAILY_JOURNAL, PARTITION, 1) == {}
