"""Two processes race for one bucket: only the server says who is first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from health_etl.settings import Settings
from health_etl_tests.support.racing import check_races

if TYPE_CHECKING:
    from health_etl_tests.services.conftest import S3Server


def test_two_processes_on_one_bucket_leave_what_one_would(s3_server: S3Server, s3_bucket: str) -> None:
    def settings_of(number: int) -> Settings:
        return Settings.model_validate(
            {
                "lake": f"s3://{s3_bucket}/lake-{number}",
                "s3_endpoint_url": s3_server.endpoint_url,
                "s3_access_key_id": s3_server.access_key_id,
                "s3_secret_access_key": s3_server.secret_access_key,
                "s3_region": s3_server.region,
            }
        )

    check_races(settings_of)
