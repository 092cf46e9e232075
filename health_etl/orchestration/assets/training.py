"""Training assets: the health journal, JSON Lines by domain and local month."""

from typing import Any

import dagster as dg
from pydantic import Field

from health_etl.clinical import all_processors
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import DerivedManifest, digest
from health_etl.lake.store import Lake
from health_etl.orchestration.assets.factory import Declaration, Partitions, step_asset
from health_etl.orchestration.assets.insights import insights_key
from health_etl.orchestration.assets.partition_by_partition import PartitionResult, make_each
from health_etl.orchestration.partitions import month_of_uploads
from health_etl.orchestration.resources import LakeResource
from health_etl.planning.spans import month_of
from health_etl.training import journal
from health_etl.training.journal import WrittenMonths

JOURNAL = dg.AssetKey(["training", "health_journal"])


class JournalConfig(dg.Config):
    """Which months are written."""

    rewrite: bool = Field(default=False, description="Also rewrite months that are up to date.")


def journal_asset(local_months: Partitions) -> dg.AssetsDefinition:
    """Return the journal."""
    declared = Declaration(
        key=JOURNAL,
        partitions=local_months,
        kinds={"python", "json"},
        code_version=journal.CODE_VERSION,
        description=(
            "Training examples: one JSON line per person, local day, record type (or the day across types) and caption "
            "level, with `instruction`, `input`, `output` and `metadata`, filed by health domain. People appear as "
            "keyed pseudonyms. The same insights give the same bytes."
        ),
    )
    insights = [dg.AssetDep(insights_key(name), partition_mapping=month_of_uploads()) for name in all_processors()]

    @step_asset(declared, deps=insights)
    def health_journal(
        context: dg.AssetExecutionContext, config: JournalConfig, lake: LakeResource
    ) -> dg.MaterializeResult[Any]:
        opened = lake.open()
        written = WrittenMonths(opened)  # before the insights, which are then at least as new
        catalogue = Catalogue(opened)
        for name in all_processors():
            catalogue.insights(name).read_all()
        return make_each(
            context, lambda key: _result(opened, _update(opened, written, catalogue, month_of(key), config.rewrite))
        )

    return health_journal


def _result(lake: Lake, manifests: list[DerivedManifest]) -> PartitionResult:
    return PartitionResult(journal_metadata(lake, manifests), digest(manifest.digest for manifest in manifests))


def _update(
    lake: Lake, written: WrittenMonths, catalogue: Catalogue, month: str, rewrite: bool
) -> list[DerivedManifest]:
    """Bring every domain of a month up to date; return the manifests of those that exist."""
    found = []
    for wanted in journal.plan(catalogue, month):
        if written.is_current(wanted) and not rewrite:
            manifest = written.manifest(wanted.domain, month)
        else:
            manifest = journal.write(lake, wanted, written.head(wanted.domain, month))
        if manifest is not None:
            found.append(manifest)
    return found


def journal_metadata(lake: Lake, manifests: list[DerivedManifest]) -> dict[str, Any]:
    """Return what the UI shows about a month."""
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
