"""The records of all types over a range of upload dates, and nothing after them: make_records.py FIRST LAST

Lake and Dagster home are those of the environment.
"""

import sys

import dagster as dg

from health_etl.definitions import build_definitions
from health_etl.orchestration.jobs import BRING_UP_TO_DATE
from health_etl.record_types import record_types
from health_etl.settings import load

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main() -> None:
    """Make them in one run in this process; raises what Dagster raises."""
    first, last = sys.argv[1:]
    job = build_definitions(load()).resolve_job_def(BRING_UP_TO_DATE)
    with dg.DagsterInstance.get() as instance:
        job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(["records", name]) for name in record_types()],
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
            run_config=QUIET,
        )


if __name__ == "__main__":
    main()
