"""`health-etl setup`: what must be there before the services start. Makes what is missing and changes nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import dagster as dg

from health_etl.cli.runner import dagster_home
from health_etl.definitions import build_definitions
from health_etl.errors import PermanentError
from health_etl.lake.failures import translate
from health_etl.lake.s3_client import boto3_client
from health_etl.rabbitmq.broker import DEAD_LETTERS, EXCHANGE, QUEUE, open_broker
from health_etl.rabbitmq.bucket_events import enable_upload_events
from health_etl.settings import Settings

AWS_FIRST_REGION = "us-east-1"  # the only one that a request for a bucket must not name


def set_up(settings: Settings) -> Iterator[str]:
    """Make the buckets and Dagster's tables; yield a sentence for each.

    Raises PermanentError or TransientError when a server refuses or does not answer.
    """
    for url in filter(None, (settings.lake, settings.run_logs)):
        if url.startswith("s3://"):
            yield f"bucket {_bucket(settings, url)} is there"
    if settings.rabbitmq_url is not None:
        with open_broker(settings.rabbitmq_url):
            yield f"RabbitMQ's exchange {EXCHANGE} and queues {QUEUE} and {DEAD_LETTERS} are there"
    if settings.s3_events is not None:
        yield enable_upload_events(settings)
    home = dagster_home()
    with dg.DagsterInstance.get() as instance:
        instance.upgrade()
        events = instance.event_log_storage
        for pool in pools(build_definitions(settings)) - events.get_concurrency_keys():
            # Left to the first runs, two at once fall over each other in PostgreSQL, and one of them fails.
            events.initialize_concurrency_limit_to_default(pool)
    yield f"Dagster's tables and the pools of its assets are there, for {home}"


def pools(definitions: dg.Definitions) -> set[str]:
    """Return the pools of everything that a run may work in."""
    jobs = definitions.get_repository_def().get_all_jobs()
    ops = [op for job in jobs for op in job.all_node_defs if isinstance(op, dg.OpDefinition)]
    return {op.pool for op in ops if op.pool}


def _bucket(settings: Settings, url: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    name = urlsplit(url).netloc
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
            raise translate(error, url, settings.s3_endpoint_url, "") from None
    except BotoCoreError as error:
        raise translate(error, url, settings.s3_endpoint_url, "") from None
    return name
