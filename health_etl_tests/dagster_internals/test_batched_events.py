"""Events of a range are written in few transactions, and are the same as those that Dagster writes singly."""

from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from health_etl.dagster_internals.sqlite_storage import BatchingEventLog
from health_etl_tests.support.range_events import ASSET, run_over_the_range, status_by_partition, told


@pytest.fixture
def home(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dagster.yaml").write_text((checkout / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    return tmp_path


def test_what_is_written_in_batches_is_what_dagster_writes_singly(home: Path, tmp_path: Path) -> None:
    del home
    with dg.DagsterInstance.get() as batching:
        assert isinstance(batching.event_log_storage, BatchingEventLog)
        run_id = run_over_the_range(batching)
        in_batches = told(batching, run_id)
        statuses = status_by_partition(batching)
        latest = batching.get_latest_materialization_event(ASSET)
        partitions = batching.get_materialized_partitions(ASSET)
    (tmp_path / "plain").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "plain")) as plain:
        assert type(plain.event_log_storage) is SqliteEventLogStorage
        singly = told(plain, run_over_the_range(plain))
        assert status_by_partition(plain) == statuses
        assert plain.get_materialized_partitions(ASSET) == partitions
    assert in_batches == singly
    assert statuses["2025-01-07"] == "FAILED"
    assert Counter(statuses.values())["SUCCEEDED"] == 30
    assert latest is not None
    assert latest.get_dagster_event().partition == "2025-01-31"


def test_a_range_takes_few_transactions(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    opened: Counter[str] = Counter()
    connect = SqliteEventLogStorage._connect

    def counted(storage: Any, shard: str) -> Any:
        opened[shard] += 1
        return connect(storage, shard)

    monkeypatch.setattr(SqliteEventLogStorage, "_connect", counted)
    with dg.DagsterInstance.get() as instance:
        run_id = run_over_the_range(instance)
        written = opened["index"] + opened[run_id]
        assert len([*instance.all_logs(run_id)]) > 4 * 31
    assert written < 4 * 31


def test_what_waits_is_written_when_dagster_ends(home: Path) -> None:
    del home
    with dg.DagsterInstance.get() as instance:
        run_id = run_over_the_range(instance)
        before = [*instance.all_logs(run_id)]
        last = [event for event in before if event.dagster_event_type is DagsterEventType.ASSET_CHECK_EVALUATION][-1]
        instance.event_log_storage.store_event(last)
        assert len([*instance.all_logs(run_id)]) == len(before)
    with dg.DagsterInstance.get() as again:
        assert len([*again.all_logs(run_id)]) == len(before) + 1
