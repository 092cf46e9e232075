"""Declares the assets that we materialise: what they have in common is written here once."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import dagster as dg

from health_etl.orchestration.assets.catalogue_metadata import OWNER, column_schema
from health_etl.orchestration.steps import step
from health_etl.record_types.base import Column

Compute = Callable[..., dg.MaterializeResult[Any]]


@dataclass(frozen=True)
class Partitions:
    """The partitions of an asset, and how many of them one run of a backfill covers."""

    definition: dg.TimeWindowPartitionsDefinition
    backfill_policy: dg.BackfillPolicy


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What the UI's catalogue shows about an asset. Its group is the first part of its key."""

    key: dg.AssetKey
    description: str
    kinds: Set[str]
    code_version: str
    partitions: Partitions | None = None
    columns: Sequence[Column] = ()
    domain: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that `@dg.asset` and `@dg.graph_asset` have in common."""
        partitions = self.partitions
        return {
            "key": self.key,
            "description": self.description,
            "kinds": set(self.kinds),
            "code_version": self.code_version,
            "group_name": self.key.path[0],
            "owners": [OWNER],
            "partitions_def": partitions.definition if partitions else None,
            "backfill_policy": partitions.backfill_policy if partitions else None,
            "metadata": {"dagster/column_schema": column_schema(self.columns)} if self.columns else None,
            "tags": {"domain": self.domain} if self.domain else None,
        }


def step_asset(
    declared: Declaration, deps: Iterable[dg.AssetKey | dg.AssetDep] = ()
) -> Callable[[Compute], dg.AssetsDefinition]:
    """Return the decorator of an asset that a single step materialises, in a pool named after its key."""

    def decorate(compute: Compute) -> dg.AssetsDefinition:
        pool = "_".join(declared.key.path)
        asset: dg.AssetsDefinition = dg.asset(**declared.arguments(), deps=list(deps), pool=pool)(step(compute))
        return asset

    return decorate
