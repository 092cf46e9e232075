"""Jobs: what a person starts by name."""

from __future__ import annotations

from typing import Any

import dagster as dg

BRING_UP_TO_DATE = "bring_up_to_date"
WRITE_JOURNAL = "write_journal"
SORT_OUT_UNCLAIMED = "sort_out_unclaimed"


def jobs() -> list[Any]:
    """Return every job."""
    daily = dg.AssetSelection.groups("records", "insights")
    return [
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
            selection=dg.AssetSelection.groups("quarantine"),
            description="Moves uploads that no partition claims to quarantine, with the reason.",
        ),
    ]
