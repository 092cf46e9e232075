"""As many materialisations as a backfill makes, of assets that do nothing: empty_backfill.py DATES ASSETS

One run over all dates, in DAGSTER_HOME: what Dagster itself takes.
"""

import sys
from datetime import date, timedelta

import dagster as dg

FIRST = date(2025, 10, 6)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main() -> None:
    """Run it; raises what Dagster raises."""
    dates, assets = map(int, sys.argv[1:])
    end = FIRST + timedelta(days=dates)
    daily = dg.DailyPartitionsDefinition(FIRST.isoformat(), end_date=end.isoformat())

    def empty(number: int) -> dg.AssetsDefinition:
        @dg.asset(name=f"empty_{number}", partitions_def=daily, backfill_policy=dg.BackfillPolicy.single_run())
        def nothing() -> None:
            return None

        return nothing

    tags = {
        "dagster/asset_partition_range_start": FIRST.isoformat(),
        "dagster/asset_partition_range_end": (end - timedelta(days=1)).isoformat(),
    }
    job = dg.define_asset_job("all_dates")
    definitions = dg.Definitions(assets=[empty(number) for number in range(assets)], jobs=[job])
    with dg.DagsterInstance.get() as instance:
        definitions.resolve_job_def("all_dates").execute_in_process(instance=instance, tags=tags, run_config=QUIET)


if __name__ == "__main__":
    main()
