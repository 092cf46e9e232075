"""The Dagster resource that every step and sensor shares: the lake, with the settings that it was opened by."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from health_etl.lake.store import Lake, connect
from health_etl.settings import Settings


@dataclass(frozen=True)
class LakeAccess:
    """The way to the lake. No config of Dagster's, which would store and show the settings: they hold secrets."""

    settings: Settings

    def open(self) -> Lake:
        """Open the lake; raises PermanentError or TransientError."""
        return connect(self.settings)


LakeResource = dg.ResourceParam[LakeAccess]


def lake_resource(settings: Settings) -> dg.ResourceDefinition:
    """Return the resource for these settings."""
    return dg.ResourceDefinition(
        lambda _: LakeAccess(settings),
        description=f"The lake at {settings.lake}; the environment variable is HEALTH_ETL_LAKE.",
    )
