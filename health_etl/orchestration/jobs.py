"""Jobs: what a person starts by name."""

from __future__ import annotations

from functools import cache
from typing import Any

import dagster as dg

from health_etl.orchestration.assets.insights import insights_key
from health_etl.orchestration.assets.quarantine import quarantine_key
from health_etl.orchestration.assets.raw import raw_key
from health_etl.orchestration.assets.records import RELEASES, records_key
from health_etl.orchestration.assets.training import JOURNAL
from health_etl.orchestration.assets.unclaimed import UNCLAIMED
from health_etl.orchestration.standing_checks import NO_FAILED_PARTITIONS
from health_etl.record_types import record_types

BRING_UP_TO_DATE = "bring_up_to_date"
WRITE_JOURNAL = "write_journal"
SORT_OUT_UNCLAIMED = "sort_out_unclaimed"
FRESHNESS = "freshness"
REPLAY_QUARANTINE = "replay_quarantine"
STANDING_CHECKS = "standing_checks"
CHECK_JOURNAL = "check_journal"
CHECK_FRESHNESS = "check_freshness"
FULL_SWEEP = "full_sweep"
PRUNE_HISTORY = "prune_history"

SWEPT = {"health_etl/sweep": "everything"}  # tag of a run after which every sensor looks at all upload dates


@cache
def jobs() -> tuple[Any, ...]:
    """Return every job."""
    standing = dg.AssetSelection.checks(*(dg.AssetCheckKey(raw_key(n), NO_FAILED_PARTITIONS) for n in record_types()))
    quarantine = dg.AssetSelection.assets(*map(quarantine_key, record_types()))
    daily = dg.AssetSelection.groups("records", "insights") | quarantine
    return (
        dg.define_asset_job(
            BRING_UP_TO_DATE,
            selection=daily,
            description="Brings records and insights of upload dates up to date; unchanged files are not read.",
        ),
        dg.define_asset_job(
            WRITE_JOURNAL,
            selection=dg.AssetSelection.groups("training"),
            description="Writes the chosen local months of the health journal.",
        ),
        dg.define_asset_job(
            SORT_OUT_UNCLAIMED,
            selection=dg.AssetSelection.assets(UNCLAIMED),
            description="Moves uploads that no partition claims to quarantine, with the reason.",
        ),
        dg.define_asset_job(
            REPLAY_QUARANTINE,
            selection=dg.AssetSelection.assets(RELEASES) | daily,
            description=(
                "Runs quarantined uploads of an upload date again: after a fix, or against the rules with `override` "
                "and a reason. Name them in the launchpad under ops: quarantine__releases: config: files; the "
                "quarantine assets show the names. Records, quarantine and insights of the date follow at once."
            ),
        ),
        dg.define_asset_job(
            STANDING_CHECKS,
            selection=standing,
            description="Looks for partitions that were left failed.",
        ),
        dg.define_asset_job(
            CHECK_JOURNAL,
            selection=dg.AssetSelection.checks_for_assets(JOURNAL),
            description="Checks months of the journal against their manifests and insights; writes nothing.",
        ),
        dg.define_asset_job(
            CHECK_FRESHNESS,
            selection=dg.AssetSelection.checks(
                *(dg.AssetCheckKey(key(n), FRESHNESS) for n in record_types() for key in (records_key, insights_key))
            ),
            description="Checks whether upload dates were made from the current inputs; writes nothing.",
        ),
    )
