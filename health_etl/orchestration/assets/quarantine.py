"""Quarantine assets: what validation kept out of each records partition, read from its manifest. No decisions here."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import RecordsManifest
from health_etl.lake.store import Lake
from health_etl.orchestration.assets.factory import Declaration, Partitions, step_asset
from health_etl.orchestration.assets.partition_by_partition import PartitionResult, make_each
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.resources import LakeResource
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl.records import partition as records_partition
from health_etl.records.replay import QuarantinedUpload, quarantined_in
from health_etl.wording import counted

MAX_TABLE_ROWS = 100  # the event log stores every row; `health-etl quarantine list` shows all

_COLUMNS = ("file", "reason", "detail", "remedy", "records")


def quarantine_key(name: str) -> dg.AssetKey:
    """Return the key of a type's quarantine asset."""
    return dg.AssetKey(["quarantine", name])


def quarantine_assets(upload_dates: Partitions) -> Sequence[dg.AssetsDefinition]:
    """Return the quarantine asset of every record type."""
    return [_quarantine_asset(record_type, upload_dates) for record_type in record_types().values()]


def _quarantine_asset(record_type: RecordType, upload_dates: Partitions) -> dg.AssetsDefinition:
    declared = Declaration(
        key=quarantine_key(record_type.name),
        partitions=upload_dates,
        kinds={"avro", "parquet"},
        code_version=records_partition.code_version(record_type),
        description=(
            f"{record_type.title}: files that were refused whole and rows that validation rejected, with reason and "
            "remedy. The records step writes them; `replay_quarantine` runs them again."
        ),
        domain=record_type.domain,
    )

    @step_asset(declared, deps=[records_key(record_type.name)])
    def quarantine(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[Any]:
        opened = lake.open()
        manifests = Catalogue(opened).records(record_type.name)
        return make_each(context, lambda partition: _result(opened, record_type, partition, manifests.get(partition)))

    return quarantine


def _result(lake: Lake, record_type: RecordType, partition: str, manifest: RecordsManifest | None) -> PartitionResult:
    return PartitionResult(_metadata(lake, record_type, partition, manifest), manifest.digest if manifest else "")


def _metadata(lake: Lake, record_type: RecordType, partition: str, manifest: RecordsManifest | None) -> dict[str, Any]:
    """Return the counts and reasons of one partition: no health value, no user id."""
    items = quarantined_in(lake, manifest) if manifest else []
    refused = [item for item in items if item.is_refused]
    found: dict[str, Any] = {"quarantine": _table(items[:MAX_TABLE_ROWS])} if items else {}
    return found | {
        "dagster/row_count": len(items),
        "dagster/uri": lake.uri(keys.rejected_folder(record_type.avro_name, partition)),
        "refused_files": len(refused),
        "quarantined_records": manifest.total()[3] if manifest else 0,
        "rejected_measurements": sum(item.entry.rejected_measurements for item in items),
    }


def _table(items: Sequence[QuarantinedUpload]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(_COLUMNS, _row(item), strict=True))) for item in items],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in _COLUMNS]),
    )


def _row(item: QuarantinedUpload) -> tuple[str, ...]:
    """Return one row of the table; the folder is left out, as type and partition imply it."""
    entry = item.entry
    records = f"{entry.quarantined} of {entry.rows_in}"
    name, reasons = item.name.rpartition("/")[2], ", ".join(item.reasons) or item.quarantined_part
    detail = entry.detail or counted(entry.rejected_measurements, "measurement")
    return name, reasons, detail, item.remedy, records
