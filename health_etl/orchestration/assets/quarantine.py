"""Quarantine assets: what validation kept out of each records partition, as its manifest says. They decide nothing."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import RecordsManifest
from health_etl.lake.store import Lake
from health_etl.orchestration import progress
from health_etl.orchestration.assets.catalogue_metadata import OWNER
from health_etl.orchestration.assets.partition_by_partition import Made, make_each
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.resources import LakeResource, reported_failures
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl.records import partition as records_partition
from health_etl.records.replay import QuarantinedUpload, quarantined_in
from health_etl.wording import counted

MAX_TABLE_ROWS = 100  # the event log keeps every one; `health-etl quarantine list` shows all

_COLUMNS = ("file", "reason", "detail", "remedy", "records")


def quarantine_key(name: str) -> dg.AssetKey:
    """Return the key of a type's quarantine asset."""
    return dg.AssetKey(["quarantine", name])


def quarantine_assets(
    upload_dates: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy
) -> Sequence[dg.AssetsDefinition]:
    """Return the quarantine asset of every type."""
    return [_quarantine_asset(record_type, upload_dates, policy) for record_type in record_types().values()]


def _quarantine_asset(
    record_type: RecordType, upload_dates: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy
) -> dg.AssetsDefinition:
    @dg.asset(
        key=quarantine_key(record_type.name),
        deps=[records_key(record_type.name)],
        partitions_def=upload_dates,
        backfill_policy=policy,
        group_name="quarantine",
        kinds={"avro", "parquet"},
        owners=[OWNER],
        code_version=records_partition.code_version(record_type),
        description=(
            f"{record_type.title}: files that were refused whole, and rows that validation rejected, with reason and "
            "way out. The records step writes them; `replay_quarantine` runs them again."
        ),
        tags={"domain": record_type.domain},
        pool=f"quarantine_{record_type.name}",
    )
    def quarantine(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[Any]:
        with reported_failures(context):
            opened = lake.open()
            manifests = Catalogue(opened).records(record_type.name)
            done = make_each(context, lambda partition: _made(opened, record_type, partition, manifests.get(partition)))
            progress.advance("steps")
            return done

    return quarantine


def _made(lake: Lake, record_type: RecordType, partition: str, manifest: RecordsManifest | None) -> Made:
    return Made(_metadata(lake, record_type, partition, manifest), manifest.digest if manifest else "")


def _metadata(lake: Lake, record_type: RecordType, partition: str, manifest: RecordsManifest | None) -> dict[str, Any]:
    """Return counts and reasons of one partition; no health value, no user id."""
    items = quarantined_in(manifest) if manifest else []
    refused = [item for item in items if item.is_refused]
    rejected = keys.rejected_key(record_type.avro_name, partition)
    found: dict[str, Any] = {"quarantine": _table(items[:MAX_TABLE_ROWS])} if items else {}
    return found | {
        "dagster/row_count": len(items),
        "dagster/uri": lake.uri(rejected.rpartition("/")[0] + "/"),
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
    """Return one item; its folder says nothing that type and partition do not say."""
    entry = item.entry
    records = f"{entry.quarantined} of {entry.rows_in}"
    name, reasons = item.name.rpartition("/")[2], ", ".join(item.reasons) or item.quarantined_part
    detail = entry.detail or counted(entry.rejected_measurements, "measurement")
    return name, reasons, detail, item.remedy, records
