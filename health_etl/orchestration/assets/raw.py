"""Raw assets: the uploads as they are in the lake. Dagster does not materialise them; lineage starts here."""

from collections.abc import Sequence

import dagster as dg

from health_etl.orchestration.assets.catalogue_metadata import OWNER
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType


def raw_key(name: str) -> dg.AssetKey:
    """Return the key of a type's raw asset."""
    return dg.AssetKey(["raw", name])


def raw_assets(upload_dates: dg.PartitionsDefinition[str], lake_url: str) -> Sequence[dg.AssetSpec]:
    """Return one external asset per record type."""
    return [_raw_asset(record_type, upload_dates, lake_url) for record_type in record_types().values()]


def _raw_asset(record_type: RecordType, upload_dates: dg.PartitionsDefinition[str], lake_url: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(record_type.name),
        description=f"{record_type.avro_name} exports as phones uploaded them. Read only.",
        partitions_def=upload_dates,
        group_name="raw",
        kinds={"s3" if lake_url.startswith("s3://") else "file", "avro"},
        owners=[OWNER],
        metadata={"dagster/uri": f"{lake_url}/raw/{record_type.avro_name}/"},
    )
