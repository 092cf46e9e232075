"""Tells the S3 server to send an event to RabbitMQ for every upload. The queue sensor takes them from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from health_etl.errors import PermanentError
from health_etl.lake.failures import translate
from health_etl.lake.keys import RAW
from health_etl.lake.s3_client import boto3_client
from health_etl.rabbitmq.broker import EXCHANGE
from health_etl.settings import Settings

EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
CEPH_TOPIC = "health.uploads.s3"  # Ceph takes a topic's name for the routing key
# MinIO is told of the broker by its own environment, MINIO_NOTIFY_AMQP_*_HEALTHETL; see docker-compose.yml.
MINIO_TARGET = "arn:minio:sqs::HEALTHETL:amqp"
CONFIGURATION = "health-etl-uploads"


def enable_upload_events(settings: Settings) -> str:
    """Have events of uploads sent to the exchange; return a sentence.

    Raises PermanentError or TransientError when the server refuses or does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if settings.rabbitmq_url is None or not settings.lake.startswith("s3://"):
        raise PermanentError(
            "HEALTH_ETL_S3_EVENTS needs HEALTH_ETL_RABBITMQ_URL and a lake in a bucket; set them, or unset it."
        )
    address = urlsplit(settings.lake)
    try:
        _SERVERS[settings.s3_events or ""](settings, address.netloc, address.path.strip("/"))
    except (BotoCoreError, ClientError) as error:
        raise translate(error, settings.lake, settings.s3_endpoint_url, "") from None
    return f"the bucket {address.netloc} sends an event for every upload to RabbitMQ's exchange {EXCHANGE}"


def _ceph(settings: Settings, bucket: str, prefix: str) -> None:
    assert settings.rabbitmq_url is not None  # noqa: S101 - send_events has looked
    broker = {
        "push-endpoint": str(settings.rabbitmq_url.get_secret_value()),
        "amqp-exchange": EXCHANGE,
        # Waiting for the broker would hold uploads up while it is slow; what it lost the lake sensors find.
        "amqp-ack-level": "none",
    }
    with closing(boto3_client(settings, "sns")) as client:
        # Ceph takes an address with a password over TLS only, or where a proxy in front of it vouches for TLS.
        client.meta.events.register("before-sign.sns", _over_tls)
        topic = client.create_topic(Name=CEPH_TOPIC, Attributes=broker)["TopicArn"]
    _notify(settings, bucket, "TopicConfigurations", {"TopicArn": topic}, prefix)


def _minio(settings: Settings, bucket: str, prefix: str) -> None:
    _notify(settings, bucket, "QueueConfigurations", {"QueueArn": MINIO_TARGET}, prefix)


_SERVERS: Mapping[str, Callable[[Settings, str, str], None]] = MappingProxyType({"ceph": _ceph, "minio": _minio})


def _notify(settings: Settings, bucket: str, kind: str, target: dict[str, str], prefix: str) -> None:
    """Add our notification to a bucket, in place of an earlier one of ours; others stay."""
    uploads = {"Name": "prefix", "Value": f"{prefix}/{RAW}" if prefix else RAW}
    ours = {
        "Id": CONFIGURATION,
        **target,
        "Events": list(EVENTS),
        "Filter": {"Key": {"FilterRules": [uploads]}},
    }
    with closing(boto3_client(settings, "s3")) as client:
        found = client.get_bucket_notification_configuration(Bucket=bucket)
        found.pop("ResponseMetadata", None)
        others = [each for each in found.get(kind, []) if each.get("Id") != CONFIGURATION]
        client.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={**found, kind: [*others, ours]}
        )


def _over_tls(request: Any, **_about: Any) -> None:
    request.headers["X-Forwarded-Proto"] = "https"
