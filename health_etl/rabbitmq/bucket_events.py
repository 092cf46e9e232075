"""S3 bucket notifications: configures the S3 server to send an event to RabbitMQ for every upload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from health_etl.errors import PermanentError
from health_etl.lake.failures import Attempt, Deed, translate
from health_etl.lake.keys import RAW
from health_etl.lake.s3_client import boto3_client
from health_etl.rabbitmq.broker import EXCHANGE
from health_etl.settings import Settings

EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
CEPH_TOPIC = "health.uploads.s3"  # Ceph uses the topic's name as the routing key
# MinIO gets the broker's address from its own environment, MINIO_NOTIFY_AMQP_*_HEALTHETL; see docker-compose.yml.
MINIO_TARGET = "arn:minio:sqs::HEALTHETL:amqp"
CONFIGURATION = "health-etl-uploads"


def enable_upload_events(settings: Settings) -> str:
    """Enable notifications of uploads to the exchange; return a sentence that says so.

    Raises PermanentError or TransientError when the server rejects the request or does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if settings.rabbitmq_url is None or not settings.lake.startswith("s3://"):
        raise PermanentError(
            "HEALTH_ETL_S3_EVENTS requires HEALTH_ETL_RABBITMQ_URL and a lake in a bucket; set both, or unset it."
        )
    address = urlsplit(settings.lake)
    try:
        _SERVERS[settings.s3_events or ""](settings, address.netloc, address.path.strip("/"))
    except (BotoCoreError, ClientError) as error:
        raise translate(error, Attempt(settings.lake, Deed.SET_UP, endpoint=settings.s3_endpoint_url)) from None
    return f"the bucket {address.netloc} sends an event for every upload to RabbitMQ's exchange {EXCHANGE}"


def _ceph(settings: Settings, bucket: str, prefix: str) -> None:
    assert settings.rabbitmq_url is not None  # noqa: S101 - checked in enable_upload_events
    broker = {
        "push-endpoint": str(settings.rabbitmq_url.get_secret_value()),
        "amqp-exchange": EXCHANGE,
        # Waiting for the broker would slow down uploads; the bucket sensors find whatever the broker loses.
        "amqp-ack-level": "none",
    }
    with closing(boto3_client(settings, "sns")) as client:
        # Ceph accepts an address with a password only over TLS, or when a proxy header claims TLS.
        client.meta.events.register("before-sign.sns", _claim_tls)
        topic = client.create_topic(Name=CEPH_TOPIC, Attributes=broker)["TopicArn"]
    _notify(settings, bucket, "TopicConfigurations", {"TopicArn": topic}, prefix)


def _minio(settings: Settings, bucket: str, prefix: str) -> None:
    _notify(settings, bucket, "QueueConfigurations", {"QueueArn": MINIO_TARGET}, prefix)


_SERVERS: Mapping[str, Callable[[Settings, str, str], None]] = MappingProxyType({"ceph": _ceph, "minio": _minio})


def _notify(settings: Settings, bucket: str, kind: str, target: dict[str, str], prefix: str) -> None:
    """Add our notification to a bucket, replacing an earlier one of ours and keeping all others."""
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


def _claim_tls(request: Any, **_about: Any) -> None:
    request.headers["X-Forwarded-Proto"] = "https"
