"""Work is not repeated: a second run starts nothing, reads no upload and changes no byte."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from health_etl.cli.runner import Outcome, bring_up_to_date
from health_etl.lake.store import FetchedObject, Lake
from health_etl.planning.staleness import Scope
from health_etl.records import partition as records_partition
from health_etl_tests.support.state import is_accounts

if TYPE_CHECKING:
    from health_etl_tests.orchestration.conftest import Project

DATES = ["2025-09-15", "2025-09-16", "2025-09-17"]
EVERYTHING = Scope()


def catch_up(project: Project, monkeypatch: pytest.MonkeyPatch, scope: Scope = EVERYTHING) -> Outcome:
    """Do what `health-etl run` does, on the project's instance."""
    monkeypatch.setenv("DAGSTER_HOME", project.instance.root_directory)
    return bring_up_to_date(project.settings, scope, lambda *_: None, lambda: None)


def materialised(project: Project, outcome_of: int) -> set[tuple[str, str]]:
    """Return asset and partition of what the latest runs materialised."""
    found = set()
    for run in project.instance.get_runs(limit=outcome_of):
        for log in project.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            assert log.dagster_event is not None
            assert log.dagster_event.asset_key is not None
            found.add((log.dagster_event.asset_key.to_user_string(), str(log.dagster_event.partition)))
    return found


@pytest.fixture(scope="module")
def current(shared_project: Project, sample: Path) -> Project:
    """A lake of the sample's glucose and steps, up to date."""
    shared_project.ingest(sorted([*sample.glob("BloodGlucoseRecord_*"), *sample.glob("StepsRecord_*")]))
    with pytest.MonkeyPatch.context() as patch:
        assert catch_up(shared_project, patch).failures == []
    return shared_project


@pytest.fixture
def raw_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every upload that is read during the test."""
    read: list[str] = []
    real = Lake.fetch

    def fetch(lake: Lake, key: str) -> FetchedObject:
        if key.startswith("raw/"):
            read.append(key)
        return real(lake, key)

    monkeypatch.setattr(Lake, "fetch", fetch)
    return read


def test_a_second_run_materialises_nothing_and_reads_no_upload(
    current: Project, raw_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, runs = current.contents(), current.instance.get_runs_count()
    outcome = catch_up(current, monkeypatch)
    assert (outcome.runs, outcome.failures) == (0, [])
    assert current.instance.get_runs_count() == runs
    assert raw_reads == []
    assert current.contents() == before


def test_materialising_again_by_hand_reads_no_upload_and_changes_no_byte(
    current: Project, raw_reads: list[str]
) -> None:
    assets = [f"{layer}/{name}" for layer in ("records", "insights") for name in ("blood_glucose", "steps")]
    before = current.contents()
    digests = {asset: digests_of(current, asset) for asset in assets}
    assert current.run([*assets, "records/utc_offsets"], DATES[0], DATES[-1]).success
    for asset in ("records/blood_glucose", "records/steps"):
        assert [found.metadata["files_read"].value for found in current.materialisations(asset).values()] == [0, 0, 0]
    assert {asset: digests_of(current, asset) for asset in assets} == digests
    assert raw_reads == []
    assert current.contents() == before


def digests_of(project: Project, asset: str) -> dict[str, object]:
    return {key: found.metadata["digest"].value for key, found in project.materialisations(asset).items()}


def test_an_upload_stored_again_is_read_again_and_changes_only_its_manifest(
    current: Project, raw_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = [key for key in current.contents() if key.startswith("raw/StepsRecord/2025/09/17/")]
    before = current.contents()
    os.utime(current.folder / key, (0, 0))  # the ETag of a file in a folder
    outcome = catch_up(current, monkeypatch)
    assert outcome.failures == []
    assert set(raw_reads) == {key}
    after = current.contents()
    manifest, accounts = sorted(name for name in after if after[name] != before.get(name))
    assert manifest == "records/steps/2025-09-17/000002.manifest.json"
    assert is_accounts(accounts)
    assert not [asset for asset, _ in materialised(current, outcome.runs) if asset == "training/health_journal"]


def test_new_code_rebuilds_only_what_it_affects(
    current: Project, raw_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_partition, "CODE_VERSION", "a later one")
    only_16 = Scope(date(2025, 9, 16), date(2025, 9, 16), frozenset({"steps"}))
    outcome = catch_up(current, monkeypatch, only_16)
    assert outcome.failures == []
    assert {asset for asset in materialised(current, outcome.runs) if asset[0].startswith("records/")} == {
        ("records/steps", "2025-09-16"),
        ("records/utc_offsets", "2025-09-16"),
    }
    assert {key.rpartition("/")[0] for key in raw_reads} == {"raw/StepsRecord/2025/09/16"}


def test_a_removed_upload_takes_its_rows_with_it(current: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in current.contents():
        if key.startswith("raw/StepsRecord/"):
            (current.folder / key).unlink()
    assert catch_up(current, monkeypatch).failures == []
    journals = {key for key in current.contents() if key.endswith(".jsonl")}
    assert journals == {
        f"training/{domain}/2025/09/health_journal_2025_09.jsonl" for domain in ("daily_journal", "metabolic_diabetes")
    }
