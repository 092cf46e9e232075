"""One person's odd records, through the command: everybody else's training lines are as if the person did not exist."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from health_etl.lake.tables import read_frame
from health_etl.record_types import record_types
from health_etl_tests.support.exports import ANNA, BEN, folder_lake, memory_lake, plain, put, steps, utc
from health_etl_tests.support.pipeline import (
    bring_up_to_date,
    insights_of,
    journal_examples,
    manifest_of,
    overwrite_table,
    update_offsets,
    update_records,
)

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_run_names_the_person_who_is_left_out_once(command_line: type[CommandLine], tmp_path: Path) -> None:
    command = command_line(tmp_path)
    lake = folder_lake(command.lake)
    for person in (ANNA, BEN):
        put(lake, "blood_glucose", [plain("blood_glucose")], user_id=person)
    update_records(lake, "blood_glucose")
    update_offsets(lake)
    key = manifest_of(lake, "blood_glucose").table_key
    rows = read_frame(lake, key)
    rows.loc[rows["user_id"] == BEN, "glucose_mg_dl"] = np.inf
    overwrite_table(lake, key, rows, record_types()["blood_glucose"].arrow_schema)
    done = command("run")
    assert done.exit_code == 0, done.stderr
    (sentence,) = [line for line in done.stdout.splitlines() if "Left out" in line]
    assert "in blood_glucose 2025-09-21: narrate failed with KeyError" in sentence
    assert BEN not in done.stdout
    assert len({example["metadata"]["subject"] for example in journal_examples(lake)}) == 1


def test_a_record_over_the_date_line_gives_whole_days_and_stops_nobody() -> None:
    lake, uploaded = memory_lake(), date(2025, 9, 21)
    crossing = steps("s1", utc("2025-09-20 09:30"), utc("2025-09-20 11:30"), fetched=utc("2025-09-20 20:00"))
    crossing |= {"startZoneOffsetId": "-10:00", "endZoneOffsetId": "+14:00"}
    put(lake, "steps", [crossing], user_id=BEN)
    put(lake, "steps", [plain("steps")])
    bring_up_to_date(lake)
    rows = insights_of(lake, "steps", uploaded)
    of_ben = rows[(rows["user_id"] == BEN) & ~rows["withdrawn"].astype(bool)]
    hours = (of_ben["day_end_utc"] - of_ben["day_start_utc"]).dt.total_seconds() / 3600
    assert list(zip(of_ben["local_date"], hours, strict=True)) == [("2025-09-19", 24), ("2025-09-21", 24)]
    assert of_ben["steps_total"].sum() == crossing["count"]
    assert rows["user_id"].nunique() == 2
