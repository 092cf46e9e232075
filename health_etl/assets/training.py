"""Training assets: the health journal, JSON Lines by domain and local month."""

from typing import Any

import dagster as dg

from health_etl import progress
from health_etl.assets.catalogue_metadata import OWNER, add_partition_metadata
from health_etl.assets.insights import insights_key
from health_etl.assets.records import BACKFILL_POLICY
from health_etl.clinical import all_processors
from health_etl.core import keys
from health_etl.core.catalogue import Catalogue
from health_etl.core.lake import Lake
from health_etl.core.manifest import DerivedManifest, digest, read_derived_manifest
from health_etl.partitions import month_of, month_of_uploads
from health_etl.resources import LakeResource, reported_failures
from health_etl.training import journal

JOURNAL = dg.AssetKey(["training", "health_journal"])


def journal_asset(local_months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the journal."""

    @dg.asset(
        key=JOURNAL,
        deps=[dg.AssetDep(insights_key(name), partition_mapping=month_of_uploads()) for name in all_processors()],
        partitions_def=local_months,
        backfill_policy=BACKFILL_POLICY,
        group_name="training",
        kinds={"python", "json"},
        owners=[OWNER],
        code_version=journal.CODE_VERSION,
        description=(
            "Training examples: one JSON line a person, local day, record type (or the day across types) and caption "
            "level, with `instruction`, `input`, `output` and `metadata`, filed by health domain. Persons are keyed "
            "pseudonyms. The same insights give the same bytes."
        ),
        pool="training_health_journal",
    )
    def health_journal(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[Any]:
        with reported_failures(context):
            opened = lake.open()
            catalogue = Catalogue(opened)
            for name in all_processors():
                catalogue.insights(name).read_all()
            versions = []
            for key in context.partition_keys:
                manifests = _update(opened, catalogue, month_of(key))
                add_partition_metadata(context, journal_metadata(opened, manifests), key)
                versions.append(digest(manifest.digest for manifest in manifests))
            progress.advance("steps")
            version = versions[0] if len(versions) == 1 else digest(versions)
            return dg.MaterializeResult(data_version=dg.DataVersion(version))

    return health_journal


def _update(lake: Lake, catalogue: Catalogue, month: str) -> list[DerivedManifest]:
    """Bring every domain of a month up to date; returns the manifests of those that exist."""
    found = []
    for wanted in journal.plan(catalogue, month):
        if journal.is_current(lake, wanted):
            manifest = read_derived_manifest(lake, keys.journal_manifest_key(wanted.domain, month))
        else:
            manifest = journal.write(lake, wanted)
        if manifest is not None:
            found.append(manifest)
    return found


def journal_metadata(lake: Lake, manifests: list[DerivedManifest]) -> dict[str, Any]:
    """Return what the UI shows of a month."""
    written = [manifest for manifest in manifests if manifest.rows]
    first = written[0].details["key"] if written else "training"
    return {
        "dagster/row_count": sum(manifest.rows for manifest in manifests),
        "dagster/uri": lake.uri(first),
        "files": dg.MetadataValue.table(
            [
                dg.TableRecord({"file": lake.uri(m.details["key"]), "lines": m.rows, "sha256": m.output_sha256[:16]})
                for m in written
            ],
            schema=dg.TableSchema(
                [
                    dg.TableColumn("file", "string"),
                    dg.TableColumn("lines", "int"),
                    dg.TableColumn("sha256", "string"),
                ]
            ),
        ),
    }
