"""The Dagster resource of every step and sensor: the lake, and the settings that the definitions were built with."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from health_etl.lake.store import Lake, connect
from health_etl.settings import Settings


@dataclass(frozen=True)
class LakeAccess:
    """Opens the lake. Not a `ConfigurableResource`: Dagster stores and shows config, and the settings hold secrets."""

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
