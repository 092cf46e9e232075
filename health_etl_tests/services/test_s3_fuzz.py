"""Hostile keys in a bucket, `//` and `..` among them: each is read by its partition or reported, none stops another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from health_etl_tests.fuzz import hostile_keys, run_keys, seeds
from health_etl_tests.isolation.items import Store
from health_etl_tests.isolation.worlds import S3World, bucket_world
from health_etl_tests.services.conftest import S3Server

KEYS = 330  # thirty of every kind


@pytest.fixture
def world(s3_server: S3Server, s3_bucket: str) -> Iterator[S3World]:
    """An empty lake in a bucket."""
    with closing(s3_server.client()) as client, bucket_world(client, s3_server, s3_bucket) as found:
        yield found


def test_no_key_that_a_bucket_takes_stops_another(world: S3World) -> None:
    tried = seeds.mutants("keys", hostile_keys.kinds_on(Store.S3), KEYS)
    assert run_keys.run(world, tried).total() == KEYS
