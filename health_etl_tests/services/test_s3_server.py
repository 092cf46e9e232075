"""The S3 server of the services tests does what the other tests rely on."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from health_etl_tests.services.conftest import S3Server


def test_bucket_starts_empty_and_keeps_objects(s3_server: S3Server, s3_bucket: str) -> None:
    with closing(s3_server.client()) as client:
        assert client.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0
        client.put_object(Bucket=s3_bucket, Key="a/b", Body=b"kept")
        assert client.get_object(Bucket=s3_bucket, Key="a/b")["Body"].read() == b"kept"


def test_outage_refuses_connections_and_loses_no_object(s3_server: S3Server, s3_bucket: str) -> None:
    with closing(s3_server.client()) as client:
        client.put_object(Bucket=s3_bucket, Key="a", Body=b"kept")
        with s3_server.outage(), pytest.raises(EndpointConnectionError):
            client.get_object(Bucket=s3_bucket, Key="a")
        assert client.get_object(Bucket=s3_bucket, Key="a")["Body"].read() == b"kept"


def test_wrong_secret_is_refused(s3_server: S3Server, s3_bucket: str) -> None:
    stranger = dataclasses.replace(s3_server, secret_access_key="wrong")
    with closing(stranger.client()) as client, pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.list_objects_v2(Bucket=s3_bucket)
