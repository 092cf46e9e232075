"""The object cache returns only the version asked for, and its size is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from health_etl.lake.catalogue import Catalogue
from health_etl.lake.object_cache import MAX_OBJECT_BYTES, ObjectCache
from health_etl_tests.support.exports import UPLOADED, memory_lake, put, steps
from health_etl_tests.support.pipeline import update_records


def test_an_object_is_found_only_in_the_cached_version() -> None:
    recent = ObjectCache()
    recent.keep("a", "1", b"first")
    assert recent.find("a", "1") == b"first"
    recent.keep("a", "2", b"second")
    assert (recent.find("a", "1"), recent.find("a", "2")) == (None, b"second")
    assert recent.find("b", "1") is None


@pytest.mark.parametrize("etag", [None, ""])
def test_an_object_without_an_etag_is_not_cached(etag: str | None) -> None:
    recent = ObjectCache()
    recent.keep("a", "1", b"first")
    recent.keep("a", etag, b"second")
    assert recent.find("a", "1") is None
    assert recent.find("a", etag or "") is None


def test_the_least_recently_used_object_goes_first_and_large_objects_are_not_cached() -> None:
    recent = ObjectCache(max_bytes=10)
    for key in "abc":
        recent.keep(key, "1", b"1234")
        recent.find("a", "1")
    assert [recent.find(key, "1") for key in "abc"] == [b"1234", None, b"1234"]
    large = ObjectCache()
    large.keep("a", "1", bytes(MAX_OBJECT_BYTES + 1))
    assert large.find("a", "1") is None


def test_a_manifest_is_read_again_only_when_it_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    lake, fetched = memory_lake(), []
    fetch = lake.fetch

    def counted(key: str) -> Any:
        fetched.append(key)
        return fetch(key)

    put(lake, "steps", [steps("s1")])
    update_records(lake, "steps", UPLOADED)
    monkeypatch.setattr(lake, "fetch", counted)
    first = Catalogue(lake).records("steps")[UPLOADED.isoformat()]
    assert not fetched  # this process wrote it
    assert Catalogue(lake).records("steps")[UPLOADED.isoformat()] == first
    put(lake, "steps", [steps("s2")])
    update_records(lake, "steps", UPLOADED)
    second = Catalogue(lake).records("steps")[UPLOADED.isoformat()]
    assert second.total()[0] == first.total()[0] + 1
