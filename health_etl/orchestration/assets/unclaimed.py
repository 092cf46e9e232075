"""The asset of uploads in raw/ that belong to no partition."""

from typing import Any

import dagster as dg

from health_etl.lake.keys import mask_key
from health_etl.lake.manifest import digest
from health_etl.orchestration.assets.factory import Declaration, step_asset
from health_etl.orchestration.resources import LakeResource
from health_etl.planning.spans import last_upload_date
from health_etl.records import unclaimed
from health_etl.uploads.listing import list_all

UNCLAIMED = dg.AssetKey(["quarantine", "unclaimed_uploads"])


def unclaimed_asset() -> dg.AssetsDefinition:
    """Return the asset of uploads of unknown types, with keys that do not parse, or of dates outside the partitions."""
    declared = Declaration(
        key=UNCLAIMED,
        kinds={"python", "avro"},
        code_version=unclaimed.CODE_VERSION,
        description=(
            "Uploads that no partition claims: unknown record types, keys that do not parse, dates outside the "
            "partitions. They are copied to quarantine/ with the reason."
        ),
    )

    @step_asset(declared)
    def unclaimed_uploads(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[Any]:
        del context
        opened = lake.open()
        listing = list_all(opened, lake.settings.start_date, last_upload_date(lake.settings.start_date))
        report = unclaimed.update(opened, listing.unclaimed)
        return dg.MaterializeResult(
            metadata={"dagster/row_count": len(report.items), "uploads": _table(report)},
            data_version=dg.DataVersion(digest([report.to_json().decode()])),
        )

    return unclaimed_uploads


def _table(report: unclaimed.Report) -> dg.TableMetadataValue:
    names = ("reason", "detail", "remedy")
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"object": mask_key(item["key"]), **{name: item[name] for name in names}})
            for item in report.items
        ],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in ("object", *names)]),
    )
