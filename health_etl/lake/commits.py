"""Commits: how the state of a partition changes, so that several machines can write one lake.

A partition is a folder. Its tables never change and carry a hash of their bytes in their names; its state is the
manifest with the highest number, which says which tables belong to it. A commit creates the next manifest, and only one
writer can create it. The others have lost the race and start over from the winner's state. What no manifest names is
swept later, see sweep.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from health_etl.errors import TransientError
from health_etl.lake import keys
from health_etl.lake.listed import ObjectInfo
from health_etl.lake.store import Lake


class LostRaceError(TransientError):
    """Another writer committed the partition first."""


@dataclass(frozen=True)
class Head:
    """The latest manifest of a partition; its number is 0 and its ETag empty where there is none."""

    number: int = 0
    etag: str = ""


NO_HEAD = Head()


def heads(lake: Lake, root: str) -> dict[str, Head]:
    """Return the head of every partition below a folder, by the rest of its own folder's name."""
    return heads_in(root, lake.objects(root))


def heads_in(root: str, listed: Iterable[ObjectInfo]) -> dict[str, Head]:
    """Return the head of every partition among these objects, whose keys begin with `root`."""
    found: dict[str, Head] = {}
    for info in listed:
        partition, _, name = info.key.removeprefix(root).rpartition("/")
        found[partition] = _later(found.get(partition, NO_HEAD), name, info)
    return {partition: head for partition, head in sorted(found.items()) if head.number}


def head_of(lake: Lake, folder: str) -> Head:
    """Return the head of one partition."""
    return heads(lake, folder).get("", NO_HEAD)


def read(lake: Lake, folder: str, head: Head) -> bytes | None:
    """Return the manifest of a head; None where there is none."""
    return lake.fetch_version(keys.manifest_key(folder, head.number), head.etag).content if head.number else None


def commit(lake: Lake, folder: str, after: Head, manifest: bytes) -> None:
    """Make `manifest` the state of a partition whose state was `after`; its tables must have been written.

    Raises LostRaceError if another writer has committed since then, unless it committed the same: that may also have
    been this writer, whose request was sent again because the answer got lost.
    """
    key = keys.manifest_key(folder, after.number + 1)
    if not lake.create(key, manifest) and lake.find(key) != manifest:
        raise LostRaceError(f"Another writer changed {lake.uri(folder)} meanwhile; it is made again from there.")


def _later(head: Head, name: str, info: ObjectInfo) -> Head:
    number = keys.manifest_number(name)
    return Head(number, info.etag) if number is not None and number > head.number else head
