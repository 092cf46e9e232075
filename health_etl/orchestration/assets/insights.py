"""Insights assets: a graph of clinical processor ops for each type, and the day across types."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from health_etl.clinical import day_processor, processors
from health_etl.insights.partition import code_version
from health_etl.insights.table import columns
from health_etl.lake.keys import DAILY_JOURNAL, UTC_OFFSETS
from health_etl.orchestration.assets.clinical_ops import analyse_op, narrate_across_types, narrate_op, select_op
from health_etl.orchestration.assets.factory import Declaration, Partitions, step_asset
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.partitions import look_back
from health_etl.orchestration.resources import LakeResource
from health_etl.record_types import record_types


def insights_key(name: str) -> dg.AssetKey:
    """Return the key of a type's insights asset."""
    return dg.AssetKey(["insights", name])


def insights_assets(upload_dates: Partitions) -> Sequence[dg.AssetsDefinition]:
    """Return the insights asset of every type, and that of the day across types."""
    return [
        *(_insights_asset(name, upload_dates) for name in record_types()),
        _daily_journal(upload_dates),
    ]


def _insights_asset(name: str, upload_dates: Partitions) -> dg.AssetsDefinition:
    select, analyse, narrate = select_op(name), analyse_op(name), narrate_op(name)
    declared = Declaration(
        key=insights_key(name),
        partitions=upload_dates,
        kinds={"pandas", "parquet"},
        code_version=code_version(name),
        description=(
            f"{record_types()[name].title} per person and local day: metrics, coverage and a text, for every day "
            "that the upload touched. Of several uploads that touch a day, the latest counts."
        ),
        columns=columns(processors()[name]),
        domain=record_types()[name].domain,
    )
    ins = {
        "records": _looking_back_on(records_key(name)),
        "utc_offsets": _looking_back_on(records_key(UTC_OFFSETS)),
    }

    @dg.graph_asset(**declared.arguments(), ins=ins)
    def insights(records: None, utc_offsets: None) -> None:
        return narrate(analyse(select(records=records, utc_offsets=utc_offsets)))  # type: ignore[no-any-return]

    return insights


def _daily_journal(upload_dates: Partitions) -> dg.AssetsDefinition:
    processor = day_processor()
    declared = Declaration(
        key=insights_key(DAILY_JOURNAL),
        partitions=upload_dates,
        kinds={"pandas", "parquet"},
        code_version=code_version(DAILY_JOURNAL),
        description=(
            "Each person's local day across the types: every measure next to what is usual for the person, and which "
            "differ together. It claims no cause."
        ),
        columns=columns(processor),
        domain=processor.domain,
    )
    of_types = [dg.AssetDep(insights_key(name), partition_mapping=look_back()) for name in record_types()]

    @step_asset(declared, deps=of_types)
    def daily_journal(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult[Any]:
        return narrate_across_types(context, lake.open(), lake.settings)

    return daily_journal


def _looking_back_on(key: dg.AssetKey) -> dg.AssetIn:
    return dg.AssetIn(key=key, dagster_type=dg.Nothing, partition_mapping=look_back())
