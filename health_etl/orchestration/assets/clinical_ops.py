"""Clinical processor ops: select, analyse, narrate. Each handles all partitions of its run; the clinical knowledge is
in clinical/.
"""

from dataclasses import replace
from typing import Any

import dagster as dg

from health_etl.insights import daily_journal
from health_etl.insights.batches import Analyses, Selections, analyse_all, select_changed
from health_etl.insights.failed_people import failed_in
from health_etl.insights.partition import InsightOptions
from health_etl.insights.writer import InsightsWriter
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake
from health_etl.orchestration.assets.catalogue_metadata import table_metadata
from health_etl.orchestration.assets.partition_by_partition import PartitionResult, make_each
from health_etl.orchestration.resources import LakeResource
from health_etl.orchestration.steps import step
from health_etl.settings import Settings

HAND_OVER = "hand_over"
NO_PICTURES = {"health_etl/pictures": "none"}  # tag of a run whose partitions nobody is looking at in the UI


def select_op(name: str) -> dg.OpDefinition:
    """Return the op that collects the measurements of the local days that an upload touched."""

    @dg.op(
        name=f"select_{name}",
        ins={"records": dg.In(dg.Nothing), "utc_offsets": dg.In(dg.Nothing)},
        out=dg.Out(io_manager_key=HAND_OVER),
        description="Collects the measurements of every local day that the upload touched, with the look-back window.",
    )
    @step
    def run(context: dg.AssetExecutionContext, lake: LakeResource) -> Selections:
        opened = lake.open()
        options = InsightOptions.of(lake.settings, opened)
        found = select_changed(opened, name, list(context.partition_keys), options)
        context.log.info(f"{found.count} of {len(context.partition_keys)} partitions have changed inputs.")
        return found

    return run


def analyse_op(name: str) -> dg.OpDefinition:
    """Return the op that computes the metrics of every person-day."""

    @dg.op(
        name=f"analyse_{name}",
        out=dg.Out(io_manager_key=HAND_OVER),
        description="Computes the metrics and coverage of every person and local day.",
    )
    @step
    def run(context: dg.AssetExecutionContext, lake: LakeResource, selected: Selections) -> Analyses:
        del context
        opened = lake.open()
        return analyse_all(opened, name, selected, InsightOptions.of(lake.settings, opened))

    return run


def narrate_op(name: str) -> dg.OpDefinition:
    """Return the op that narrates the metrics and writes the partition."""

    @dg.op(
        name=f"narrate_{name}",
        out=dg.Out(dg.Nothing, io_manager_key=HAND_OVER),
        description="Narrates each person-day and writes the partition.",
        pool=f"insights_{name}",
    )
    @step
    def run(context: dg.AssetExecutionContext, lake: LakeResource, analysed: Analyses) -> dg.Output[None]:
        opened, settings = lake.open(), lake.settings
        writer = InsightsWriter(opened, Catalogue(opened), name, InsightOptions.of(settings, opened).clinical)
        for key, partition in sorted(analysed.partitions.items()):
            # What another writer has made meanwhile stays: it may have seen newer records.
            if writer.is_unchanged(key, partition.head):
                writer.stage(key, partition.days_digest, partition.rows, partition.failed)
        done = make_each(
            context,
            lambda key: _result(opened, _write(writer, key, analysed)),
            lambda made: _with_picture(context, opened, settings, name, made),
        )
        # Nobody else reads them, and a step that is retried still needs them: so here and no earlier.
        analysed.partitions.clear()
        return dg.Output(None, data_version=done.data_version)

    return run


def narrate_across_types(
    context: dg.AssetExecutionContext, lake: Lake, settings: Settings
) -> dg.MaterializeResult[Any]:
    """Bring the day across types up to date for the partitions of a run."""
    writer = daily_journal.Writer(lake, Catalogue(lake), InsightOptions.of(settings, lake))
    writer.stage(context.partition_keys)
    return make_each(
        context,
        lambda key: _result(lake, writer.update(key)),
        lambda made: _with_picture(context, lake, settings, keys.DAILY_JOURNAL, made),
    )


def insights_metadata(lake: Lake, manifest: DerivedManifest) -> dict[str, Any]:
    """Return what the UI shows about an insights partition."""
    return {
        **table_metadata(lake, manifest.table_key, manifest.rows),
        "person_days": manifest.details["person_days"],
        "withdrawn_person_days": manifest.details["withdrawn"],
        "retold_person_days": manifest.details["retold"],
        "people_left_out": len(failed_in(manifest)),
        "local_months": ", ".join(manifest.details["local_months"]),
        "digest": manifest.digest,
    }


def _result(lake: Lake, manifest: DerivedManifest | None) -> PartitionResult | None:
    return None if manifest is None else PartitionResult(insights_metadata(lake, manifest), manifest.digest)


def _with_picture(
    context: dg.AssetExecutionContext, lake: Lake, settings: Settings, name: str, made: dict[str, PartitionResult]
) -> dict[str, PartitionResult]:
    """Add a picture to the last partition, which is what the UI opens, where it shows enough people.

    Drawing takes longer than everything else that a small partition needs.
    """
    enough = settings.pictures_minimum_people
    last = max(made, default="")
    too_few = last and made[last].metadata["person_days"] < enough  # every person has at least one day
    if not last or too_few or NO_PICTURES.items() <= context.run.tags.items():
        return made
    # Imported here: most runs draw nothing, and the drawing library takes half a second to load.
    from health_etl.orchestration.assets.pictures import picture_metadata

    picture = picture_metadata(lake, name, last, enough)
    return made | {last: replace(made[last], metadata={**made[last].metadata, **picture})}


def _write(writer: InsightsWriter, partition: str, analyses: Analyses) -> DerivedManifest | None:
    if partition in analyses.failed:
        raise analyses.failed[partition]
    return writer.write(partition)
