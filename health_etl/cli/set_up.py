"""`health-etl setup`: what must exist before the services start. Creates what is missing and changes nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import dagster as dg

from health_etl.dagster_internals.queries import create_pools
from health_etl.definitions import build_definitions
from health_etl.errors import PermanentError
from health_etl.lake.failures import Attempt, Deed, translate
from health_etl.lake.s3_client import boto3_client
from health_etl.orchestration.home import dagster_home, open_instance
from health_etl.rabbitmq.broker import DEAD_LETTERS, EXCHANGE, QUEUE, open_broker
from health_etl.rabbitmq.bucket_events import enable_upload_events
from health_etl.settings import Settings

AWS_FIRST_REGION = "us-east-1"  # the only one that a request for a bucket must not name


def set_up(settings: Settings) -> Iterator[str]:
    """Make the buckets, the queues and Dagster's tables; yield a sentence for each.

    Raises PermanentError or TransientError when a server refuses or does not answer.
    """
    if settings.lake.startswith("s3://"):
        yield _bucket(settings, urlsplit(settings.lake).netloc)
    if settings.run_logs_bucket is not None:
        yield _bucket(settings, settings.run_logs_bucket)
    if settings.rabbitmq_url is not None:
        with open_broker(settings.rabbitmq_url):
            yield f"RabbitMQ's exchange {EXCHANGE} and queues {QUEUE} and {DEAD_LETTERS} exist"
    if settings.s3_events is not None:
        yield enable_upload_events(settings)
    home = dagster_home()
    with open_instance() as instance:
        instance.upgrade()
        create_pools(instance, pools(build_definitions(settings)))
    yield f"Dagster's tables and the pools of its assets exist, for {home}"


def pools(definitions: dg.Definitions) -> set[str]:
    """Return the pools of everything that a run may work in."""
    jobs = definitions.get_repository_def().get_all_jobs()
    ops = [op for job in jobs for op in job.all_node_defs if isinstance(op, dg.OpDefinition)]
    return {op.pool for op in ops if op.pool}


def _bucket(settings: Settings, name: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    url = f"s3://{name}"
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": settings.s3_region}}
    options = {} if settings.s3_region == AWS_FIRST_REGION else elsewhere
    try:
        with closing(boto3_client(settings, "s3")) as client:
            client.create_bucket(Bucket=name, **options)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "BucketAlreadyExists":
            raise PermanentError(f"The bucket {name} belongs to another account; choose another name.") from None
        if code != "BucketAlreadyOwnedByYou":
            raise translate(error, Attempt(url, Deed.SET_UP, endpoint=settings.s3_endpoint_url)) from None
    except BotoCoreError as error:
        raise translate(error, Attempt(url, Deed.SET_UP, endpoint=settings.s3_endpoint_url)) from None
    return f"bucket {name} exists"
