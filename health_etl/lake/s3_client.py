"""A boto3 client for what `Lake` does not do: creating buckets and changing their settings."""

from __future__ import annotations

from typing import Any

from health_etl.settings import Settings

CONNECT_TIMEOUT_SECONDS = 5


def boto3_client(settings: Settings, service: str) -> Any:
    """Return a boto3 client for one service of the S3 server; the caller closes it."""
    import boto3
    from botocore.config import Config

    secret = settings.s3_secret_access_key
    return boto3.client(
        service,
        endpoint_url=settings.s3_endpoint_url,
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=settings.s3_region,
        config=Config(connect_timeout=CONNECT_TIMEOUT_SECONDS, s3={"addressing_style": "path"}),
    )
