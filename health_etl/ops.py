"""Clinical processor ops: select, analyse, narrate. Each works on the partitions of its run; the clinical knowledge
itself lies in clinical/.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
import pandas as pd

from health_etl import progress
from health_etl.assets.catalogue_metadata import table_metadata
from health_etl.assets.partition_by_partition import Made, make_each
from health_etl.clinical import processors
from health_etl.core import keys
from health_etl.core.catalogue import Catalogue
from health_etl.core.lake import Lake
from health_etl.core.manifest import DerivedManifest
from health_etl.core.select import Selection, select
from health_etl.errors import TransientError
from health_etl.insights import build, daily_journal
from health_etl.insights import partition as insights_partition
from health_etl.insights.partition import InsightOptions
from health_etl.insights.teller import Teller
from health_etl.record_types import record_types
from health_etl.resources import LakeResource, reported_failures
from health_etl.settings import Settings

HAND_OVER = "hand_over"
MOST_PICTURES = 7  # of a run, its last partitions: drawing takes longer than all else that a small partition needs


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


@dataclass
class Selections:
    """The partitions of a run that are to be made anew, and what is wrong with those that cannot be."""

    partitions: dict[str, Selected] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)


@dataclass
class Analyses:
    """The partitions of a run that were measured anew, and what is wrong with those that could not be."""

    partitions: dict[str, Analysed] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)


def select_op(name: str) -> dg.OpDefinition:
    """Return the op that gathers the measurements of the local days that an upload touched."""

    @dg.op(
        name=f"select_{name}",
        ins={"records": dg.In(dg.Nothing), "utc_offsets": dg.In(dg.Nothing)},
        out=dg.Out(io_manager_key=HAND_OVER),
        description="Gathers the measurements of every local day that the upload touched, with the look-back window.",
    )
    def run(context: dg.AssetExecutionContext, lake: LakeResource) -> Selections:
        with reported_failures(context):
            opened = lake.open()
            options = InsightOptions.of(lake.settings(), opened)
            found = _select(opened, name, list(context.partition_keys), options)
            context.log.info(
                f"{len(found.partitions)} of {len(context.partition_keys)} partitions have changed inputs."
            )
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
    def run(context: dg.AssetExecutionContext, lake: LakeResource, selected: Selections) -> Analyses:
        with reported_failures(context):
            options = InsightOptions.of(lake.settings(), lake.open())
            found = Analyses(failed=dict(selected.failed))
            for key, partition in selected.partitions.items():
                with _noted(found.failed, key):
                    found.partitions[key] = _analyse(name, partition, options)
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
    def run(context: dg.AssetExecutionContext, lake: LakeResource, analysed: Analyses) -> dg.Output[None]:
        with reported_failures(context):
            opened, settings = lake.open(), lake.settings()
            teller = Teller(opened, Catalogue(opened), name, InsightOptions.of(settings, opened).clinical)
            done = make_each(
                context,
                lambda key: _made(opened, name, _narrate(teller, key, analysed)),
                lambda made: _with_pictures(opened, settings, name, made),
            )
            progress.advance("steps")
            return dg.Output(None, data_version=done.data_version)

    return run


def tell_across_types(context: dg.AssetExecutionContext, lake: Lake, settings: Settings) -> dg.MaterializeResult[Any]:
    """Bring the day across types up to date for the partitions of a run."""
    writer = daily_journal.Writer(lake, Catalogue(lake), InsightOptions.of(settings, lake))
    done = make_each(
        context,
        lambda key: _made(lake, keys.DAILY_JOURNAL, writer.update(key)),
        lambda made: _with_pictures(lake, settings, keys.DAILY_JOURNAL, made),
    )
    progress.advance("steps")
    return done


def insights_metadata(lake: Lake, name: str, manifest: DerivedManifest) -> dict[str, Any]:
    """Return what the UI shows of an insights partition."""
    return {
        **table_metadata(lake, keys.insights_key(name, manifest.partition), manifest.rows),
        "person_days": manifest.details["person_days"],
        "withdrawn_person_days": manifest.details["withdrawn"],
        "retold_person_days": manifest.details["retold"],
        "local_months": ", ".join(manifest.details["local_months"]),
        "digest": manifest.digest,
    }


def _made(lake: Lake, name: str, manifest: DerivedManifest | None) -> Made | None:
    return None if manifest is None else Made(insights_metadata(lake, name, manifest), manifest.digest)


def _with_pictures(lake: Lake, settings: Settings, name: str, made: dict[str, Made]) -> dict[str, Made]:
    """Add a picture to the last partitions, where it stands for enough people."""
    enough = settings.pictures_minimum_people
    drawn = {}
    for key in sorted(made)[-MOST_PICTURES:]:
        if made[key].metadata["person_days"] >= enough:  # a person has a day at least
            drawn[key] = replace(made[key], metadata={**made[key].metadata, **_picture(lake, name, key, enough)})
    return made | drawn


def _picture(lake: Lake, name: str, partition: str, enough: int) -> dict[str, Any]:
    # Imported when needed: most runs draw nothing, and the drawing library takes half a second to load.
    from health_etl.assets.pictures import picture_metadata

    return picture_metadata(lake, name, partition, enough)


@contextmanager
def _noted(failed: dict[str, Exception], partition: str) -> Iterator[None]:
    """Note what is wrong with a partition: the last step raises it, once the others are made."""
    try:
        yield
    except TransientError:
        raise  # the step is tried again
    except Exception as error:  # noqa: BLE001
        failed[partition] = error


def _select(lake: Lake, name: str, partitions: list[str], options: InsightOptions) -> Selections:
    """Select for the partitions whose days were not measured from what they should be measured from."""
    catalogue, found = Catalogue(lake), Selections()
    for key in partitions:
        with _noted(found.failed, key):
            selected = _select_one(lake, catalogue, name, key, options)
            if selected is not None:
                found.partitions[key] = selected
    return found


def _select_one(lake: Lake, catalogue: Catalogue, name: str, key: str, options: InsightOptions) -> Selected | None:
    wanted = insights_partition.inputs(catalogue, name, key, options)
    if wanted is None or insights_partition.has_days(catalogue.insights(name).get(key), wanted.digest):
        return None
    selection = select(lake, record_types()[name], key, wanted.window, options.default_zone)
    return Selected(wanted.digest, selection, insights_partition.qualities(catalogue, name, wanted.window))


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


def _narrate(teller: Teller, partition: str, analyses: Analyses) -> DerivedManifest | None:
    """Write a partition whose days were measured anew, or whose look-back has changed; return the manifest of one that
    was current, None when nothing calls for it.
    """
    if partition in analyses.failed:
        raise analyses.failed[partition]
    analysed = analyses.partitions.get(partition)
    if analysed is not None:
        return teller.tell(partition, analysed.days_digest, analysed.rows)
    return teller.told_up_to_date(partition)
