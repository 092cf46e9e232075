"""How fast obstore, s3fs and boto3 put, list and get many small objects, one after another on one S3 server.

s3fs holds botocore back, so this runs in an environment of its own, without constraints.txt:

    python3.11 -m venv .venv-bench && .venv-bench/bin/pip install -e '.[bench]'
    make services          # prints the HEALTH_ETL_S3_* settings; export them
    .venv-bench/bin/python benchmarks/store_clients.py

Prints a Markdown table: the median of the rounds, and its ratio to boto3 in the same rounds. The buckets that it
makes are removed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Protocol

import boto3
import obstore
import s3fs  # type: ignore[import-not-found]
from botocore.config import Config
from obstore.store import S3Store

CONCURRENCY = 16  # requests in flight, the same for every client
OBJECT_BYTES = 4096  # a typical export file
MEASURES = ("put", "list", "get", "CPU time")
BASELINE = "boto3"

Seconds = dict[str, float]  # by measure


class Client(Protocol):
    """What is measured. Each call does the whole job and returns when it is done."""

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Write the objects."""

    def list(self) -> set[str]:
        """Return every key of the bucket."""

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Read the objects."""


class Obstore:
    """obstore, blocking calls on threads, as the lake calls it."""

    def __init__(self, bucket: str, server: Mapping[str, str]) -> None:
        self._store = S3Store(
            bucket,
            endpoint=server["endpoint_url"],
            access_key_id=server["aws_access_key_id"],
            secret_access_key=server["aws_secret_access_key"],
            region=server["region_name"],
            client_options={"allow_http": True},
        )
        self._pool = ThreadPoolExecutor(CONCURRENCY)

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Write the objects."""
        list(self._pool.map(lambda item: obstore.put(self._store, *item), objects.items()))

    def list(self) -> set[str]:
        """Return every key of the bucket."""
        return {meta["path"] for page in obstore.list(self._store) for meta in page}

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Read the objects."""
        read = self._pool.map(lambda key: (key, bytes(obstore.get(self._store, key).bytes())), keys)
        return dict(read)


class S3fs:
    """s3fs, its own bulk calls."""

    def __init__(self, bucket: str, server: Mapping[str, str]) -> None:
        self._bucket = bucket
        self._fs = s3fs.S3FileSystem(
            key=server["aws_access_key_id"],
            secret=server["aws_secret_access_key"],
            endpoint_url=server["endpoint_url"],
            client_kwargs={"region_name": server["region_name"]},
            config_kwargs={"max_pool_connections": CONCURRENCY},
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Write the objects."""
        paths = {f"{self._bucket}/{key}": content for key, content in objects.items()}
        self._fs.pipe(paths, batch_size=CONCURRENCY)

    def list(self) -> set[str]:
        """Return every key of the bucket."""
        return {path.partition("/")[2] for path in self._fs.find(self._bucket)}

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Read the objects."""
        found = self._fs.cat([f"{self._bucket}/{key}" for key in keys], batch_size=CONCURRENCY)
        return {path.partition("/")[2]: content for path, content in found.items()}


class Boto3:
    """boto3, blocking calls on threads."""

    def __init__(self, bucket: str, server: Mapping[str, str]) -> None:
        self._bucket = bucket
        self._client = _boto3_client(server)
        self._pool = ThreadPoolExecutor(CONCURRENCY)

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Write the objects."""
        list(self._pool.map(lambda item: self._put_one(*item), objects.items()))

    def list(self) -> set[str]:
        """Return every key of the bucket."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Read the objects."""
        return dict(self._pool.map(self._get_one, keys))

    def _put_one(self, key: str, content: bytes) -> Any:
        return self._client.put_object(Bucket=self._bucket, Key=key, Body=content)

    def _get_one(self, key: str) -> tuple[str, bytes]:
        return key, self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()


CLIENTS: dict[str, Callable[[str, Mapping[str, str]], Client]] = {
    "obstore": Obstore,
    "s3fs": S3fs,
    BASELINE: Boto3,
}


def measure(client: Client, round_name: str, objects: int) -> Seconds:
    """Put, list and get that many objects, check what came back, and return the seconds of each and of the CPU."""
    written = {f"{round_name}/{number:06}.avro": os.urandom(OBJECT_BYTES) for number in range(objects)}
    seconds: Seconds = {}
    started_cpu = time.process_time()
    with _clock(seconds, "put"):
        client.put(written)
    with _clock(seconds, "list"):
        listed = client.list()
    with _clock(seconds, "get"):
        read = client.get(written)
    seconds["CPU time"] = time.process_time() - started_cpu
    if listed != written.keys() or read != written:
        raise RuntimeError(f"{type(client).__name__} lost objects")
    return seconds


def table(rounds: Mapping[str, list[Seconds]]) -> str:
    """Return the Markdown table: one row per client, median seconds and their ratio to the baseline."""
    medians = {
        name: {each: statistics.median(seconds[each] for seconds in measured) for each in MEASURES}
        for name, measured in rounds.items()
    }
    lines = [f"| client | {' | '.join(MEASURES)} |", "|---" * (1 + len(MEASURES)) + "|"]
    for name, median in medians.items():
        cells = [f"{median[each]:.2f} s ({median[each] / medians[BASELINE][each]:.2f})" for each in MEASURES]
        lines.append(f"| {name} {version(name)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure every client in turn, round after round, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    server = _server()
    rounds: dict[str, list[Seconds]] = {name: [] for name in CLIENTS}
    for number in range(options.rounds):
        for name, make in CLIENTS.items():
            with _bucket(server) as bucket:
                rounds[name].append(measure(make(bucket, server), f"{name}-{number}", options.objects))
    size = f"{options.objects} objects of {OBJECT_BYTES} bytes, {CONCURRENCY} at once"
    print(f"{size}, median of {options.rounds} rounds; in brackets the ratio to {BASELINE}.\n")
    print(table(rounds))


def _server() -> dict[str, str]:
    names = ("S3_ENDPOINT_URL", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
    missing = [name for name in names if f"HEALTH_ETL_{name}" not in os.environ]
    if missing:
        raise SystemExit(
            f"Set HEALTH_ETL_{', HEALTH_ETL_'.join(missing)}; `make services` starts a server and prints them."
        )
    return {
        "endpoint_url": os.environ["HEALTH_ETL_S3_ENDPOINT_URL"],
        "aws_access_key_id": os.environ["HEALTH_ETL_S3_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["HEALTH_ETL_S3_SECRET_ACCESS_KEY"],
        "region_name": os.environ.get("HEALTH_ETL_S3_REGION", "us-east-1"),
    }


def _boto3_client(server: Mapping[str, str]) -> Any:
    return boto3.client("s3", config=Config(max_pool_connections=CONCURRENCY), **server)


@contextmanager
def _bucket(server: Mapping[str, str]) -> Iterator[str]:
    """A new bucket, so that no client lists what another wrote."""
    client = _boto3_client(server)
    name = f"benchmark-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=name)
    try:
        yield name
    finally:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            if keys := [{"Key": entry["Key"]} for entry in page.get("Contents", [])]:
                client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
        client.delete_bucket(Bucket=name)


@contextmanager
def _clock(seconds: Seconds, operation: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[operation] = time.perf_counter() - started


if __name__ == "__main__":
    main()
