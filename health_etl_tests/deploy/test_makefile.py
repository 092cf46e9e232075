"""The Makefile as a user meets it: where the partitions of `make ui` begin."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def folder(checkout: Path, tmp_path: Path) -> Path:
    """A set-up checkout whose default lake holds uploads of two dates."""
    for name in ("setup.py", "constraints.txt", "Makefile"):
        shutil.copyfile(checkout / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").touch()
    for day in ("2025/09/17", "2025/09/15"):
        (tmp_path / "data" / "lake" / "raw" / "StepsRecord" / day).mkdir(parents=True)
    return tmp_path


def start_date_of_ui(folder: Path, **environment: str) -> str:
    """Return the first upload date that `make ui` would set; empty where it sets none."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("HEALTH_ETL_", "MAKE"))}
    done = subprocess.run(
        ["make", "-n", "ui"], cwd=folder, env=plain | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.partition('first="')[2].partition('"')[0]


def test_the_partitions_of_the_ui_begin_with_the_first_upload_of_the_default_lake(folder: Path) -> None:
    assert start_date_of_ui(folder) == "2025-09-15"


def test_an_empty_lake_leaves_the_start_to_the_settings(folder: Path) -> None:
    shutil.rmtree(folder / "data")
    assert start_date_of_ui(folder) == ""


def test_the_users_own_lake_or_start_date_is_left_alone(folder: Path) -> None:
    assert start_date_of_ui(folder, HEALTH_ETL_START_DATE="2024-01-01") == ""
    assert start_date_of_ui(folder, HEALTH_ETL_LAKE="s3://health-data") == ""
    (folder / ".env").write_text("HEALTH_ETL_LAKE=s3://health-data\n", encoding="utf-8")
    assert start_date_of_ui(folder) == ""
