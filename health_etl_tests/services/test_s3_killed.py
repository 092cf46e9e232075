"""A run killed while it writes to a real S3 server: no object is half written, and the next run ends correctly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from health_etl_tests.support.kill import KILLS, Trial, survive

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine
    from health_etl_tests.services.conftest import S3Server


def test_runs_killed_at_random_moments_leave_whole_objects_and_no_trace_in_the_end(
    command_line: type[CommandLine], s3_server: S3Server, s3_bucket: str, tmp_path: Path, checkout: Path
) -> None:
    command = command_line(tmp_path, {**s3_server.environment(), "HEALTH_ETL_LAKE": f"s3://{s3_bucket}"})
    survive(Trial.prepare(command, checkout / "data" / "sample"), KILLS)
