"""Finding quarantined uploads and releasing them.

A release makes the upload's partition stale. Running the partition again is the pipeline's work, as for any change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from health_etl.errors import PermanentError
from health_etl.lake import accounts
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import fingerprint, mask_key
from health_etl.lake.manifest import FileEntry, RecordsManifest
from health_etl.lake.store import Lake
from health_etl.reasons import OVERRIDABLE, FileReason, remedy
from health_etl.record_types import record_types
from health_etl.records.read_files import OVERRIDABLE_FAULTS
from health_etl.uploads import releases
from health_etl.uploads.releases import Release

EVERYTHING = "all"


@dataclass(frozen=True)
class QuarantinedUpload:
    """One upload that was refused, lost rows to quarantine, or was released by a person."""

    record_type: str
    upload_date: str
    entry: FileEntry

    @property
    def name(self) -> str:
        """The masked key: what events and messages show, and a name that people may use."""
        return mask_key(self.entry.key)

    @property
    def is_refused(self) -> bool:
        """Whether the whole file is in quarantine."""
        return self.entry.reason is not None

    @property
    def quarantined_part(self) -> str:
        """The part of the upload that is in quarantine."""
        return "whole file" if self.is_refused else "rows" if self.entry.rejected_measurements else "nothing, released"

    @property
    def reasons(self) -> list[str]:
        """The file's reason and the faults of its rows; empty for a released file without faults."""
        return [*([self.entry.reason] if self.entry.reason else []), *sorted(self.entry.faults)]

    @property
    def remedy(self) -> str:
        """How to get it out of quarantine."""
        return remedy(self.entry.reason, self.entry.faults) or "nothing; it was released"


def list_quarantined(lake: Lake, catalogue: Catalogue, holds: Callable[[str, str], bool]) -> list[QuarantinedUpload]:
    """Return the uploads that are in quarantine or were released, sorted by record type and upload date.

    `holds(record type, upload date)` says whether to include a partition.
    """
    return [
        item
        for name in record_types()
        for partition in catalogue.records(name)
        if holds(name, partition)
        for item in quarantined_in(lake, catalogue.records(name)[partition])
    ]


def quarantined_in(lake: Lake, manifest: RecordsManifest) -> list[QuarantinedUpload]:
    """Return the uploads of one partition that are in quarantine or were released."""
    return [
        QuarantinedUpload(manifest.record_type, manifest.partition, entry)
        for entry in (accounts.read(lake, manifest) if manifest.counts.noted else ())
        if entry.reason or entry.rejected_measurements or entry.release_etag
    ]


def find_by_name(items: Sequence[QuarantinedUpload], names: Iterable[str]) -> list[QuarantinedUpload]:
    """Return the items with these names, which `matches_name` explains.

    Raises PermanentError for a name that matches nothing in quarantine.
    """
    found: dict[str, QuarantinedUpload] = {}
    for name in names:
        same = [item for item in items if matches_name(item.entry.key, name)]
        if not same:
            raise unknown_name_error(name)
        found.update({item.entry.key: item for item in same})
    return list(found.values())


def unknown_name_error(name: str) -> PermanentError:
    """Return the error for a name that matches nothing."""
    return PermanentError(f"Nothing in quarantine is called {name}; `health-etl quarantine list` has the names.")


def obstacle(item: QuarantinedUpload, override: bool) -> str | None:
    """Explain why an override would have no effect; None if it may have one."""
    if not override:
        return None
    is_readable = item.entry.reason in (None, FileReason.NO_GOOD_ROWS)
    if item.entry.reason in OVERRIDABLE or (is_readable and any(map(_is_overridable, item.entry.faults))):
        return None
    reasons = ", ".join(item.reasons) or "no faults"
    return f"{item.name} cannot be released by override ({reasons}): {item.remedy}."


def release(lake: Lake, items: Sequence[QuarantinedUpload], override: bool, because: str) -> list[Release]:
    """Release these uploads to be run again; `override` overrules the rules that people may overrule.

    Without `override`, an earlier override is revoked and the rules apply again. Raises PermanentError, and releases
    nothing, if an override has no reason or could not have an effect.
    """
    if override and not because.strip():
        raise PermanentError("An override needs a reason, which is stored with it; say why.")
    obstacles = [text for item in items if (text := obstacle(item, override))]
    if obstacles:
        raise PermanentError(obstacles[0])
    decided_utc = datetime.now(UTC).isoformat(timespec="microseconds")
    decisions = []
    for item in items:
        sha256 = lake.sha256(item.entry.key)
        if sha256 is None:
            raise PermanentError(f"{item.name} is gone from raw/; the next run removes it from quarantine.")
        decisions.append(Release(item.entry.key, sha256, override, because.strip(), decided_utc))
    for decision in decisions:
        releases.record(lake, decision)
    return decisions


def _is_overridable(fault: str) -> bool:
    return fault.rpartition(":")[2] in OVERRIDABLE_FAULTS


def matches_name(key: str, name: str) -> bool:
    """Tell whether a name refers to an upload: key, file name, masked name or the last part of that, or "all"."""
    return name in (EVERYTHING, key, key.rpartition("/")[2], mask_key(key), fingerprint(key))
