"""Which assets a run over a set of upload dates selects."""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

from health_etl.lake.keys import UTC_OFFSETS
from health_etl.orchestration.assets.insights import insights_key
from health_etl.orchestration.assets.quarantine import quarantine_key
from health_etl.orchestration.assets.records import records_key
from health_etl.planning.staleness import DailyWork

OFFSETS = records_key(UTC_OFFSETS)


def selection(work: DailyWork, dates: Collection[str]) -> list[dg.AssetKey]:
    """Return every asset with work to do on at least one of the dates, upstream first."""
    records = sorted({name for key in dates for name in work.records.get(key, ())})
    insights = sorted({name for key in dates for name in work.insights.get(key, ())})
    offsets = [OFFSETS] if work.offsets.intersection(dates) else []
    return [*map(records_key, records), *map(quarantine_key, records), *offsets, *map(insights_key, insights)]
