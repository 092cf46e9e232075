"""Pictures are drawn for the last partition of a run, and by the command line only on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl.cli.runner import bring_up_to_date
from health_etl.planning.staleness import Scope

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project


@pytest.mark.parametrize("wanted", [False, True])
def test_the_last_partition_of_a_run_has_a_picture_if_one_is_wanted(
    shared_project: Project, sample: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    user = f"person_{wanted}"
    shared_project.ingest(sorted(sample.glob("BloodGlucoseRecord_*")), user)
    monkeypatch.setenv("DAGSTER_HOME", shared_project.instance.root_directory)
    settings = shared_project.settings.model_copy(update={"pictures_minimum_people": 1})
    outcome = bring_up_to_date(settings, Scope(), lambda *_: None, lambda _: None, pictures=wanted)
    assert outcome.failures == []
    made = shared_project.materialisations("insights/blood_glucose")
    assert len(made) > 1
    assert [key for key, one in made.items() if "picture" in one.metadata] == ([max(made)] if wanted else [])
