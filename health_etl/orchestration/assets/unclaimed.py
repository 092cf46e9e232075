"""The asset of uploads in raw/ that belong to no partition."""

from datetime import date
from typing import Any

import dagster as dg

from health_etl.errors import SettingsError
from health_etl.lake.keys import mask_key
from health_etl.lake.manifest import digest
from health_etl.orchestration.assets.factory import Declaration, step_asset
from health_etl.orchestration.resources import LakeResource
from health_etl.records import unclaimed
from health_etl.uploads.listing import list_all

UNCLAIMED = dg.AssetKey(["quarantine", "unclaimed_uploads"])


def unclaimed_asset(upload_dates: dg.TimeWindowPartitionsDefinition) -> dg.AssetsDefinition:
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
        listing = list_all(opened, lake.settings.start_date, last_upload_date(upload_dates))
        report = unclaimed.update(opened, listing.unclaimed)
        return dg.MaterializeResult(
            metadata={"dagster/row_count": len(report.items), "uploads": _table(report)},
            data_version=dg.DataVersion(digest([report.to_json().decode()])),
        )

    return unclaimed_uploads


def last_upload_date(upload_dates: dg.TimeWindowPartitionsDefinition) -> date:
    """Return the last upload date that is a partition, which is today. Raises SettingsError when there is none."""
    last = upload_dates.get_last_partition_key()
    if last is None:
        raise SettingsError("HEALTH_ETL_START_DATE is in the future; set it to the first upload date, or unset it.")
    return date.fromisoformat(last)


def _table(report: unclaimed.Report) -> dg.TableMetadataValue:
    names = ("reason", "detail", "remedy")
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"object": mask_key(item["key"]), **{name: item[name] for name in names}})
            for item in report.items
        ],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in ("object", *names)]),
    )
