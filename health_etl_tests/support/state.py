"""The state of a lake: what its current manifests name, whatever number they have and whatever they replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from health_etl.lake import sweep
from health_etl.lake.keys import ACCOUNTS, RAW, TRAINING
from health_etl.lake.manifest import canonical_json
from health_etl.lake.store import Lake
from health_etl.training.journal import FILE_ETAG
from health_etl_tests.support.exports import contents, memory_lake

_NUMBER = re.compile(r"/\d{6,}\.manifest\.json\Z")
MANIFEST = "/manifest.json"


def state_of(lake: Lake, *prefixes: str) -> dict[str, bytes]:
    """Return what current manifests name under these folders, and whatever is not swept; by default, all but raw/."""
    replaced = {info.key for info in sweep.unnamed(lake)}
    return {
        _NUMBER.sub(MANIFEST, key): _comparable(key, content)
        for prefix in prefixes or ("",)
        for key, content in contents(lake, prefix).items()
        if key not in replaced and (prefixes or not key.startswith(RAW))
    }


def is_accounts(key: str) -> bool:
    """Tell whether an object holds the accounts of a partition's files, among them those of bad ones."""
    return key.rpartition("/")[2].startswith(ACCOUNTS)


def without_etags(objects: Mapping[str, bytes]) -> dict[str, bytes]:
    """Leave out what holds the store's ETags: manifests and accounts."""
    return {
        key: content for key, content in objects.items() if not key.endswith("manifest.json") and not is_accounts(key)
    }


def journal_files(lake: Lake) -> dict[str, bytes]:
    """Return the files of the health journal, which must not depend on the store or on what came before."""
    return {key: content for key, content in contents(lake, TRAINING).items() if key.endswith(".jsonl")}


def lake_of(objects: Mapping[str, bytes]) -> Lake:
    """Return a lake in memory with these objects, its months up to date though their files have other ETags there."""
    lake = memory_lake()
    for key, content in sorted(objects.items()):
        lake.put(key, content)
    for key, content in objects.items():
        if key.startswith(TRAINING) and _NUMBER.search(key):
            manifest = json.loads(content)
            details = manifest["details"]
            details[FILE_ETAG] = lake.fetch(details["key"]).etag if manifest["rows"] else ""
            lake.put(key, canonical_json(manifest))
    return lake


def _comparable(key: str, content: bytes) -> bytes:
    """Leave out the ETag of a month's file, which differs from copy to copy in a folder."""
    if not key.startswith(TRAINING) or not _NUMBER.search(key):
        return content
    manifest = json.loads(content)
    manifest["details"].pop(FILE_ETAG)
    return canonical_json(manifest)
