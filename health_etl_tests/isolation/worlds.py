"""Lakes of the kinds that there are, written past every client library, which would refuse half of the keys."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
import pytest

from health_etl.lake.store import Lake, connect
from health_etl.settings import Settings
from health_etl_tests.isolation.items import Store

if TYPE_CHECKING:
    from health_etl_tests.services.conftest import S3Server

METHODS = {"PUT": "put_object", "DELETE": "delete_object"}


WRITTEN = 1_758_000_000  # long ago: what is named like a half-written file is no longer being written


class FolderWorld:
    """A lake in a folder."""

    store = Store.FOLDER

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = patch
        self._denied: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def settings(self) -> Settings:
        """What opens the lake."""
        return Settings(lake=self.folder.as_uri())

    @property
    def lake(self) -> Lake:
        """The lake, as the pipeline opens it."""
        return connect(self.settings)

    def put(self, key: bytes, content: bytes) -> None:
        """Write a file, long ago, whose path is these bytes; an empty folder if they end in a slash."""
        path = self._path(key)
        if key.endswith(b"/"):
            os.makedirs(path, exist_ok=True)  # noqa: PTH103 - pathlib knows no bytes
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(content)
        os.utime(path, (WRITTEN, WRITTEN))

    def link(self, key: bytes, target: bytes) -> None:
        """Put a symbolic link."""
        path = self._path(key)
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        os.symlink(target, path)  # noqa: PTH211

    def deny(self, key: bytes) -> None:
        """Let reading one file fail, as for an account that may not: root, which may run this, may read anything."""
        if not self._denied:
            self._patch.setattr(obstore, "get", self._get_unless_denied(obstore.get))
        self._denied.add(key.decode())

    def _get_unless_denied(self, get: Any) -> Any:
        def reading(store: Any, path: str, **options: Any) -> Any:
            if path in self._denied:
                raise PermissionError(13, "Permission denied", str(self.folder / path))
            return get(store, path, **options)

        return reading

    def _path(self, key: bytes) -> bytes:
        return os.path.join(os.fsencode(self.folder), key)  # noqa: PTH118


class S3World:
    """A lake in a bucket."""

    store = Store.S3

    def __init__(self, client: Any, bucket: str, settings: Settings) -> None:
        self._client = client
        self._bucket = bucket
        self.settings = settings
        self._odd: list[str] = []

    @property
    def lake(self) -> Lake:
        """The lake, as the pipeline opens it."""
        return connect(self.settings)

    def put(self, key: bytes, content: bytes) -> None:
        """Put an object, by a signed address: clients of Python resolve `..` in the path of a request."""
        self._odd.append(key.decode())
        self._request("PUT", key.decode(), content)

    def link(self, key: bytes, target: bytes) -> None:
        """Raise: a bucket has no links."""
        raise NotImplementedError

    def deny(self, key: bytes) -> None:
        """Let the server refuse to hand out one object."""
        denied = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self._bucket}/{key.decode()}",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
        self._client.put_bucket_policy(Bucket=self._bucket, Policy=policy)

    def remove(self) -> None:
        """Delete what was put here; a bulk request cannot name every key."""
        for key in self._odd:
            self._request("DELETE", key)

    def _request(self, method: str, key: str, body: bytes | None = None) -> None:
        address = urlsplit(
            self._client.generate_presigned_url(METHODS[method], Params={"Bucket": self._bucket, "Key": key})
        )
        with closing(HTTPConnection(address.netloc)) as connection:
            connection.request(method, f"{address.path}?{address.query}", body)
            answer = connection.getresponse()
            assert answer.status < 300, (method, key, answer.read())


@contextmanager
def bucket_world(client: Any, server: S3Server, bucket: str) -> Iterator[S3World]:
    """Yield a lake in an empty bucket, and empty it again."""
    settings = Settings(
        lake=f"s3://{bucket}",
        s3_endpoint_url=server.endpoint_url,
        s3_access_key_id=server.access_key_id,
        s3_secret_access_key=server.secret_access_key,
        s3_region=server.region,
    )
    world = S3World(client, bucket, settings)
    try:
        yield world
    finally:
        world.remove()
