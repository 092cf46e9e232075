"""Clinical processor ops: select, analyse, narrate. Each works on the partitions of its run; the clinical knowledge
itself lies in clinical/.
"""

from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd

from health_etl import progress
from health_etl.assets.catalogue_metadata import add_partition_metadata, table_metadata
from health_etl.clinical import processors
from health_etl.core import keys
from health_etl.core.catalogue import Catalogue
from health_etl.core.lake import Lake
from health_etl.core.manifest import DerivedManifest, digest
from health_etl.core.select import Selection, select
from health_etl.insights import build, daily_journal
from health_etl.insights import partition as insights_partition
from health_etl.insights.partition import InsightOptions
from health_etl.insights.teller import Teller
from health_etl.record_types import record_types
from health_etl.resources import LakeResource, reported_failures
from health_etl.settings import Settings

HAND_OVER = "hand_over"


@dataclass(frozen=True)
class Selected:
    """A partition to be made anew: its measurements, and what the next steps need to know of their sources."""

    days_digest: str
    selection: Selection
    qualities: dict[str, float]


@dataclass(frozen=True)
class Analysed:
    """A partition's days as measured, without look-back and text."""

    days_digest: str
    rows: pd.DataFrame


def select_op(name: str) -> dg.OpDefinition:
    """Return the op that gathers the measurements of the local days that an upload touched."""

    @dg.op(
        name=f"select_{name}",
        ins={"records": dg.In(dg.Nothing), "utc_offsets": dg.In(dg.Nothing)},
        out=dg.Out(io_manager_key=HAND_OVER),
        description="Gathers the measurements of every local day that the upload touched, with the look-back window.",
    )
    def run(context: dg.AssetExecutionContext, lake: LakeResource) -> dict[str, Selected]:
        with reported_failures(context):
            opened = lake.open()
            options = InsightOptions.of(lake.settings(), opened)
            found = _select(opened, name, list(context.partition_keys), options)
            context.log.info(f"{len(found)} of {len(context.partition_keys)} partitions have changed inputs.")
            progress.advance("steps")
            return found

    return run


def analyse_op(name: str) -> dg.OpDefinition:
    """Return the op that computes the metrics of every person-day."""

    @dg.op(
        name=f"analyse_{name}",
        out=dg.Out(io_manager_key=HAND_OVER),
        description="Computes the metrics of every person and local day, with coverage.",
    )
    def run(
        context: dg.AssetExecutionContext, lake: LakeResource, selected: dict[str, Selected]
    ) -> dict[str, Analysed]:
        with reported_failures(context):
            options = InsightOptions.of(lake.settings(), lake.open())
            found = {key: _analyse(name, partition, options) for key, partition in selected.items()}
            progress.advance("steps")
            return found

    return run


def narrate_op(name: str) -> dg.OpDefinition:
    """Return the op that tells the metrics as text and writes the partition."""

    @dg.op(
        name=f"narrate_{name}",
        out=dg.Out(dg.Nothing, io_manager_key=HAND_OVER),
        description="Tells each person-day as text and writes the partition.",
        pool=f"insights_{name}",
    )
    def run(context: dg.AssetExecutionContext, lake: LakeResource, analysed: dict[str, Analysed]) -> dg.Output[None]:
        with reported_failures(context):
            opened = lake.open()
            teller = Teller(opened, Catalogue(opened), name, InsightOptions.of(lake.settings(), opened).clinical)
            versions = []
            for key in sorted(context.partition_keys):  # each looks back on those before
                manifest = _narrate(teller, key, analysed.get(key))
                if manifest is not None:
                    add_partition_metadata(context, insights_metadata(opened, name, manifest), key)
                    versions.append(manifest.digest)
            progress.advance("steps")
            version = versions[0] if len(versions) == 1 else digest(versions)
            return dg.Output(None, data_version=dg.DataVersion(version))

    return run


def tell_across_types(context: dg.AssetExecutionContext, lake: Lake, settings: Settings) -> dg.MaterializeResult[Any]:
    """Bring the day across types up to date for the partitions of a run."""
    options = InsightOptions.of(settings, lake)
    catalogue = Catalogue(lake)
    writer = daily_journal.Writer(lake, catalogue, options)
    versions = []
    for key in sorted(context.partition_keys):
        manifest = writer.update(key)
        if manifest is not None:
            add_partition_metadata(context, insights_metadata(lake, keys.DAILY_JOURNAL, manifest), key)
            versions.append(manifest.digest)
    progress.advance("steps")
    return dg.MaterializeResult(data_version=dg.DataVersion(digest(versions) if len(versions) != 1 else versions[0]))


def insights_metadata(lake: Lake, name: str, manifest: DerivedManifest) -> dict[str, object]:
    """Return what the UI shows of an insights partition."""
    return {
        **table_metadata(lake, keys.insights_key(name, manifest.partition), manifest.rows),
        "person_days": manifest.details["person_days"],
        "withdrawn_person_days": manifest.details["withdrawn"],
        "retold_person_days": manifest.details["retold"],
        "local_months": ", ".join(manifest.details["local_months"]),
        "digest": manifest.digest,
    }


def _select(lake: Lake, name: str, partitions: list[str], options: InsightOptions) -> dict[str, Selected]:
    """Select for the partitions whose days were not measured from what they should be measured from."""
    catalogue = Catalogue(lake)
    written = catalogue.insights(name)
    found = {}
    for key in partitions:
        wanted = insights_partition.inputs(catalogue, name, key, options)
        if wanted is None or insights_partition.has_days(written.get(key), wanted.digest):
            continue
        selection = select(lake, record_types()[name], key, wanted.window, options.default_zone)
        scores = insights_partition.qualities(catalogue, name, wanted.window)
        found[key] = Selected(wanted.digest, selection, scores)
    return found


def _analyse(name: str, selected: Selected, options: InsightOptions) -> Analysed:
    rows = build.analyse(
        selected.selection,
        processors()[name],
        options.clinical,
        selected.qualities,
        options.pseudonym_key,
        options.profiles,
    )
    return Analysed(selected.days_digest, rows)


def _narrate(teller: Teller, partition: str, analysed: Analysed | None) -> DerivedManifest | None:
    """Write a partition whose days were measured anew, or whose look-back has changed; return the manifest of one that
    was current, None when nothing calls for it.
    """
    if analysed is not None:
        return teller.tell(partition, analysed.days_digest, analysed.rows)
    return teller.told_up_to_date(partition)
