"""A run over real exports leaves neither the person nor a reading behind in what Dagster stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from health_etl_tests.orchestration.test_privacy import around, stored

if TYPE_CHECKING:
    from health_etl_tests.cli.conftest import Finished

DIGITS_THAT_NO_COUNT_HAS = 6  # of a reading such as 43.018273


def readings(real: Finished) -> set[str]:
    """Return every measured value whose digits nothing else can have."""
    found: set[str] = set()
    for path in sorted((real.command.lake / "records").rglob("*.parquet")):
        frame = pd.read_parquet(path)
        for column in frame.select_dtypes("float").columns:
            found |= {text for text in map(str, frame[column].dropna()) if len(text) > DIGITS_THAT_NO_COUNT_HAS}
    return found


def test_nothing_stored_about_a_run_over_real_exports_names_the_person_or_a_reading(real: Finished) -> None:
    text = stored(real.command.dagster_home)
    found = readings(real)
    assert len(found) >= 5  # most are whole numbers, as counts are
    assert "ASSET_CHECK_EVALUATION" in text
    assert around(text, "person_one") == []
    assert [value for value in found if value in text] == []
