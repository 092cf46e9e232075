"""Records assets: uploads decoded, deduplicated, validated and accounted for. One factory serves every type."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg

from health_etl.days import utc_offsets
from health_etl.lake import accounts, keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import RecordsManifest
from health_etl.lake.store import Lake
from health_etl.orchestration import progress
from health_etl.orchestration.assets.catalogue_metadata import refused_table, table_metadata
from health_etl.orchestration.assets.factory import Declaration, Partitions, step_asset
from health_etl.orchestration.assets.partition_by_partition import PartitionResult, make_each
from health_etl.orchestration.assets.raw import raw_key
from health_etl.orchestration.resources import LakeResource
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType
from health_etl.records import partition as records_partition
from health_etl.records.quality import QualityRules
from health_etl.uploads.listing import TypeListing

# Decisions to run quarantined files again are an input just as uploads are; releases.py records them.
RELEASES = dg.AssetKey(["quarantine", "releases"])


def records_key(name: str) -> dg.AssetKey:
    """Return the key of a type's records asset."""
    return dg.AssetKey(["records", name])


def records_assets(upload_dates: Partitions) -> Sequence[dg.AssetsDefinition]:
    """Return the records asset of every type, and that of the UTC offsets that records state."""
    per_type = [_records_asset(record_type, upload_dates) for record_type in record_types().values()]
    return [*per_type, _utc_offsets_asset(upload_dates)]


def _records_asset(record_type: RecordType, upload_dates: Partitions) -> dg.AssetsDefinition:
    declared = Declaration(
        key=records_key(record_type.name),
        partitions=upload_dates,
        kinds={"python", "parquet"},
        code_version=records_partition.code_version(record_type),
        description=(
            f"{record_type.title}: {record_type.description} One row per measurement, in UTC, latest version of each "
            "record. Rows in = accepted + duplicate + quarantined for every file, in the manifest next to the table."
        ),
        columns=record_type.columns,
        domain=record_type.domain,
    )

    @step_asset(declared, deps=[raw_key(record_type.name), RELEASES])
    def records(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[Any]:
        opened, rules = lake.open(), QualityRules.of(lake.settings)
        listing = TypeListing(opened, record_type, map(date.fromisoformat, context.partition_keys))
        return make_each(context, lambda partition: _update(context, opened, listing, record_type, partition, rules))

    return records


def _update(
    context: dg.AssetExecutionContext,
    lake: Lake,
    listing: TypeListing,
    record_type: RecordType,
    partition: str,
    rules: QualityRules,
) -> PartitionResult:
    upload_date = date.fromisoformat(partition)
    uploads = listing.uploads(upload_date)
    done = records_partition.update(
        lake, record_type, upload_date, uploads, rules, lambda count: progress.advance("files", count)
    )
    context.log.info(
        f"{record_type.name} {partition}: {done.files_read} of {len(uploads)} files read, "
        f"{done.manifest.total()[1]} records accepted, {done.manifest.counts.refused} files refused."
    )
    metadata = records_metadata(lake, record_type, done.manifest) | {"files_read": done.files_read}
    return PartitionResult(metadata, done.manifest.digest)


def records_metadata(lake: Lake, record_type: RecordType, manifest: RecordsManifest) -> dict[str, Any]:
    """Return what the UI shows about a records partition: counts and reasons, no health values, no user ids."""
    rows_in, accepted, duplicate, quarantined = manifest.total()
    files = accounts.read(lake, manifest) if manifest.counts.refused else ()
    refused = [file for file in files if file.reason]
    found = {
        **table_metadata(lake, manifest.table_key, manifest.measurement_rows),
        "files": manifest.counts.files,
        "rows_in": rows_in,
        "accepted": accepted,
        "duplicate": duplicate,
        "quarantined": quarantined,
        "rejected_measurements": manifest.rejected_rows,
        "refused_files": len(refused),
        "folder": dg.MetadataValue.url(lake.uri(keys.records_folder(record_type.name, manifest.partition))),
        "digest": manifest.digest,
    }
    return found | ({"refused": refused_table(refused)} if refused else {})


def _utc_offsets_asset(upload_dates: Partitions) -> dg.AssetsDefinition:
    declared = Declaration(
        key=records_key(keys.UTC_OFFSETS),
        partitions=upload_dates,
        kinds={"python", "parquet"},
        code_version=utc_offsets.CODE_VERSION,
        description=(
            "UTC offsets that records of any type state. They give the local day of records that state no offset, or "
            "a `Z` that may be wrong."
        ),
        columns=utc_offsets.COLUMNS,
    )

    @step_asset(declared, deps=[records_key(name) for name in record_types()])
    def offsets(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[Any]:
        opened = lake.open()
        catalogue = Catalogue(opened)
        return make_each(context, lambda partition: _update_offsets(opened, catalogue, partition))

    return offsets


def _update_offsets(lake: Lake, catalogue: Catalogue, partition: str) -> PartitionResult | None:
    manifest = utc_offsets.update(lake, date.fromisoformat(partition), catalogue.records_on(partition))
    if manifest is None:
        return None
    metadata = {**table_metadata(lake, manifest.table_key, manifest.rows), "digest": manifest.digest}
    return PartitionResult(metadata, manifest.digest)
