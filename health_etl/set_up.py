"""`health-etl setup`: what must be there before the services start. Makes what is missing and changes nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from health_etl.core.store_failures import translate
from health_etl.errors import PermanentError
from health_etl.runner import dagster_home
from health_etl.settings import Settings

CONNECT_TIMEOUT_SECONDS = 5
AWS_FIRST_REGION = "us-east-1"  # the only one that a request for a bucket must not name


def set_up(settings: Settings) -> Iterator[str]:
    """Make the buckets and Dagster's tables; yield a sentence for each.

    Raises PermanentError or TransientError when a server refuses or does not answer.
    """
    for url in filter(None, (settings.lake, settings.run_logs)):
        if url.startswith("s3://"):
            yield f"bucket {_bucket(settings, url)} is there"
    home = dagster_home()
    with dg.DagsterInstance.get() as instance:
        instance.upgrade()
    yield f"Dagster's tables are there, for {home}"


def _bucket(settings: Settings, url: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    name = urlsplit(url).netloc
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": settings.s3_region}}
    options = {} if settings.s3_region == AWS_FIRST_REGION else elsewhere
    try:
        with closing(_client(settings)) as client:
            client.create_bucket(Bucket=name, **options)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "BucketAlreadyExists":
            raise PermanentError(f"The bucket {name} belongs to another account; choose another name.") from None
        if code != "BucketAlreadyOwnedByYou":
            raise translate(error, url, settings.s3_endpoint_url, "") from None
    except BotoCoreError as error:
        raise translate(error, url, settings.s3_endpoint_url, "") from None
    return name


def _client(settings: Settings) -> Any:
    import boto3
    from botocore.config import Config

    secret = settings.s3_secret_access_key
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=settings.s3_region,
        config=Config(connect_timeout=CONNECT_TIMEOUT_SECONDS, s3={"addressing_style": "path"}),
    )
