"""Sweeping: deletes tables, manifests and quarantined copies that no current manifest names any more.

They are what commits have replaced, and what killed or slower writers left behind. Only names that this project gives
are considered. An object is kept for a grace period, since a writer may be about to name it and a reader may be on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from health_etl.errors import ObjectNotFoundError
from health_etl.lake import accounts, commits, keys
from health_etl.lake.commits import Head
from health_etl.lake.listed import ObjectInfo
from health_etl.lake.manifest import DamagedManifestError, DerivedManifest, RecordsManifest
from health_etl.lake.store import Lake

GRACE = timedelta(hours=24)  # longer than any run, or any pause of a machine in the middle of one

_HASH = rf"[0-9a-f]{{{keys.CONTENT_DIGITS}}}"
_TABLE = rf"(?:{re.escape(keys.ACCOUNTS)})?{_HASH}\.parquet"
_MANIFEST = rf"[0-9]{{{keys.NUMBER_DIGITS},}}{re.escape(keys.MANIFEST_SUFFIX)}"
_OURS = re.compile(rf"(?:{_TABLE}|{_MANIFEST})", re.ASCII)
# Earlier, every partition had one table and one manifest.
_EARLIER = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}\.(?:parquet|manifest\.json)|manifest\.json)", re.ASCII)
_QUARANTINED = re.compile(
    rf"(?:{re.escape(keys.REJECTED_ROWS)}{_HASH}\.parquet|rejected_rows\.parquet|.+\.avro)", re.ASCII
)
_NOT_SWEPT = (keys.RELEASED, keys.UNCLAIMED)


@dataclass(frozen=True)
class Swept:
    """What a sweep deleted, and what it left for a later one because it is too young."""

    objects: int = 0
    size_bytes: int = 0
    too_young: int = 0


def sweep(lake: Lake, now_utc: datetime, grace: timedelta = GRACE) -> Swept:
    """Delete what no current manifest names and is older than `grace`."""
    deleted = size_bytes = too_young = 0
    for info in unnamed(lake):
        try:
            is_old = now_utc - lake.modified_utc(info.key) >= grace
        except ObjectNotFoundError:
            continue  # another sweep was here
        if is_old:
            lake.delete([info.key])
            deleted, size_bytes = deleted + 1, size_bytes + info.size_bytes
        else:
            too_young += 1
    return Swept(deleted, size_bytes, too_young)


def unnamed(lake: Lake) -> Iterator[ObjectInfo]:
    """Yield every object of ours that no current manifest names."""
    # Listed before the manifests are read: a table that is written later cannot be taken for one that nobody names.
    quarantined = [info for info in lake.objects(keys.QUARANTINE) if not info.key.startswith(_NOT_SWEPT)]
    refused: set[str] = set()
    for root in (keys.RECORDS, keys.INSIGHTS, keys.TRAINING):
        listed = [*lake.objects(root)]
        named: set[str] = set()
        for partition, head in commits.heads_in(root, listed).items():
            named |= _named(lake, root, partition, head, listed, refused)
        yield from (info for info in listed if _is_ours(info.key) and info.key not in named)
    for info in quarantined:
        key = info.key.removesuffix(keys.METADATA_SUFFIX)
        if key not in refused and _QUARANTINED.fullmatch(key.rpartition("/")[2]):
            yield info


def _named(
    lake: Lake, root: str, partition: str, head: Head, listed: Iterable[ObjectInfo], refused: set[str]
) -> set[str]:
    """Return the keys that the current manifest of a partition names, its own included; all, if it cannot be read.

    Adds the keys in quarantine that a records manifest names to `refused`.
    """
    folder = f"{root}{partition}/"
    own = keys.manifest_key(folder, head.number)
    content = commits.read(lake, folder, head) or b""
    try:
        if root == keys.RECORDS and not partition.startswith(f"{keys.UTC_OFFSETS}/"):
            manifest = RecordsManifest.from_json(content)
            files = accounts.read(lake, manifest) if manifest.counts.refused else ()
            refused |= {keys.quarantine_key(entry.key) for entry in files if entry.reason}
            refused |= {manifest.rejected_key} if manifest.rejected_key else set()
            return {own, manifest.table_key, manifest.accounts_key}
        return {own, DerivedManifest.from_json(content).table_key}
    except DamagedManifestError:
        return {info.key for info in listed if info.key.startswith(folder)}


def _is_ours(key: str) -> bool:
    name = key.rpartition("/")[2]
    return _OURS.fullmatch(name) is not None or _EARLIER.fullmatch(name) is not None
