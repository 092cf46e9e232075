"""Insights assets: a graph of clinical processor ops for each type from one factory, and the day across types."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from health_etl.clinical import day_processor, processors
from health_etl.insights.partition import code_version
from health_etl.insights.table import columns
from health_etl.lake.keys import DAILY_JOURNAL, UTC_OFFSETS
from health_etl.orchestration.assets.catalogue_metadata import OWNER, column_schema
from health_etl.orchestration.assets.clinical_ops import analyse_op, narrate_op, select_op, tell_across_types
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.partitions import look_back
from health_etl.orchestration.resources import LakeResource, reported_failures
from health_etl.record_types import record_types


def insights_key(name: str) -> dg.AssetKey:
    """Return the key of a type's insights asset."""
    return dg.AssetKey(["insights", name])


def insights_assets(
    upload_dates: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy
) -> Sequence[dg.AssetsDefinition]:
    """Return the insights asset of every type, and that of the day across types."""
    return [
        *(_insights_asset(name, upload_dates, policy) for name in record_types()),
        _daily_journal(upload_dates, policy),
    ]


def _insights_asset(
    name: str, upload_dates: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy
) -> dg.AssetsDefinition:
    select, analyse, narrate = select_op(name), analyse_op(name), narrate_op(name)

    @dg.graph_asset(
        key=insights_key(name),
        ins={
            "records": _looked_back_on(records_key(name)),
            "utc_offsets": _looked_back_on(records_key(UTC_OFFSETS)),
        },
        partitions_def=upload_dates,
        backfill_policy=policy,
        group_name="insights",
        kinds={"pandas", "parquet"},
        owners=[OWNER],
        code_version=code_version(name),
        description=(
            f"{record_types()[name].title} per person and local day: metrics, coverage and a text, for every day "
            "that the upload touched. The latest upload that touches a day has the last word."
        ),
        metadata={"dagster/column_schema": column_schema(columns(processors()[name]))},
        tags={"domain": record_types()[name].domain},
    )
    def insights(records: None, utc_offsets: None) -> None:
        return narrate(analyse(select(records=records, utc_offsets=utc_offsets)))  # type: ignore[no-any-return]

    return insights


def _daily_journal(upload_dates: dg.PartitionsDefinition[str], policy: dg.BackfillPolicy) -> dg.AssetsDefinition:
    processor = day_processor()

    @dg.asset(
        key=insights_key(DAILY_JOURNAL),
        deps=[dg.AssetDep(insights_key(name), partition_mapping=look_back()) for name in record_types()],
        partitions_def=upload_dates,
        backfill_policy=policy,
        group_name="insights",
        kinds={"pandas", "parquet"},
        owners=[OWNER],
        code_version=code_version(DAILY_JOURNAL),
        description=(
            "Each person's local day across the types: every measure beside the person's own usual, and which differ "
            "together. It claims no cause."
        ),
        metadata={"dagster/column_schema": column_schema(columns(processor))},
        tags={"domain": processor.domain},
        pool=f"insights_{DAILY_JOURNAL}",
    )
    def daily_journal(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[Any]:
        with reported_failures(context):
            return tell_across_types(context, lake.open(), lake.settings())

    return daily_journal


def _looked_back_on(key: dg.AssetKey) -> dg.AssetIn:
    return dg.AssetIn(key=key, dagster_type=dg.Nothing, partition_mapping=look_back())
