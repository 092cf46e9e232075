"""A bucket for the length of a case, by way of boto3."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.lakes import Upload

REQUESTS_AT_ONCE = 16


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own name."""

    name: str
    client: Any

    @classmethod
    @contextmanager
    def made(cls, settings: Mapping[str, str]) -> Iterator[Bucket]:
        """Make a bucket, and remove it and all that is in it in the end."""
        client = boto3.client(
            "s3",
            endpoint_url=settings["HEALTH_ETL_S3_ENDPOINT_URL"],
            aws_access_key_id=settings["HEALTH_ETL_S3_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["HEALTH_ETL_S3_SECRET_ACCESS_KEY"],
            region_name=settings.get("HEALTH_ETL_S3_REGION", "us-east-1"),
            config=Config(max_pool_connections=REQUESTS_AT_ONCE),
        )
        bucket = cls(f"benchmark-{uuid.uuid4().hex}", client)
        client.create_bucket(Bucket=bucket.name)
        try:
            yield bucket
        finally:
            bucket._remove(bucket.keys())
            client.delete_bucket(Bucket=bucket.name)

    def put(self, uploads: Iterable[Upload]) -> int:
        """Upload, and return how many there were."""

        def put_one(upload: Upload) -> None:
            self.client.put_object(Bucket=self.name, Key=upload.key, Body=upload.content)

        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            return sum(1 for _ in pool.map(put_one, uploads))

    def keys(self) -> list[str]:
        """Return every key."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def upload_dates(self) -> list[str]:
        """Return the dates of the uploads, YYYY-MM-DD, in order."""
        return sorted({"-".join(key.split("/")[2:5]) for key in self.keys() if key.startswith("raw/")})

    def remove_all_but_raw(self) -> None:
        """Remove what was made of the uploads."""
        self._remove([key for key in self.keys() if not key.startswith("raw/")])

    def _remove(self, keys: list[str]) -> None:
        for begin in range(0, len(keys), 1000):  # as many as one request may name
            named = [{"Key": key} for key in keys[begin : begin + 1000]]
            self.client.delete_objects(Bucket=self.name, Delete={"Objects": named, "Quiet": True})
