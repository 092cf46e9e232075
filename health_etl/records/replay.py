"""What the partitions keep in quarantine, and the decision to run it again.

A decision makes the partition of its file stale; running that again is the pipeline's work, as for any change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from health_etl.errors import PermanentError
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import mask_key
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
        """The key without the person's id: what the UI shows, and what a person may call it by."""
        return mask_key(self.entry.key)

    @property
    def is_refused(self) -> bool:
        """Say whether the whole file is in quarantine."""
        return self.entry.reason is not None

    @property
    def quarantined_part(self) -> str:
        """What of it lies in quarantine."""
        return "whole file" if self.is_refused else "rows" if self.entry.rejected_measurements else "nothing, released"

    @property
    def reasons(self) -> list[str]:
        """Why: the file's reason, the faults of its rows; none when it was released and is good."""
        return [*([self.entry.reason] if self.entry.reason else []), *sorted(self.entry.faults)]

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return remedy(self.entry.reason, self.entry.faults) or "nothing; it was released"


def list_quarantined(catalogue: Catalogue, holds: Callable[[str, str], bool]) -> list[QuarantinedUpload]:
    """Return what is in quarantine or was released, by type and upload date.

    `holds(record type, upload date)` says whether a partition is asked for.
    """
    return [
        item
        for name in record_types()
        for partition in catalogue.records(name)
        if holds(name, partition)
        for item in quarantined_in(catalogue.records(name)[partition])
    ]


def quarantined_in(manifest: RecordsManifest) -> list[QuarantinedUpload]:
    """Return what one partition has in quarantine, or was released of it."""
    return [
        QuarantinedUpload(manifest.record_type, manifest.partition, entry)
        for entry in manifest.files
        if entry.reason or entry.rejected_measurements or entry.release_etag
    ]


def find_by_name(items: Sequence[QuarantinedUpload], names: Iterable[str]) -> list[QuarantinedUpload]:
    """Return the items of these names: a key, a key as the UI shows it, or only its last part; "all" for every one.

    Raises PermanentError for a name that nothing in quarantine has.
    """
    found: dict[str, QuarantinedUpload] = {}
    for name in names:
        same = [item for item in items if matches_name(item.entry.key, name)]
        if not same:
            raise unknown_name_error(name)
        found.update({item.entry.key: item for item in same})
    return list(found.values())


def unknown_name_error(name: str) -> PermanentError:
    """Return the failure to find a name."""
    return PermanentError(f"Nothing in quarantine is called {name}; `health-etl quarantine list` has the names.")


def obstacle(item: QuarantinedUpload, override: bool) -> str | None:
    """Say why a release would be of no use, None when it may be."""
    if not override:
        return None
    is_readable = item.entry.reason in (None, FileReason.NO_GOOD_ROWS)
    if item.entry.reason in OVERRIDABLE or (is_readable and any(map(_is_overridable, item.entry.faults))):
        return None
    reasons = ", ".join(item.reasons) or "no open fault"
    return f"{item.name} cannot be released by override ({reasons}): {item.remedy}."


def release(lake: Lake, items: Sequence[QuarantinedUpload], override: bool, because: str) -> list[Release]:
    """Decide that these uploads be run again; with `override` against the rules that may be overruled.

    Without it an earlier override is taken back: the rules judge again. Raises PermanentError, with nothing decided,
    when a decision could have no effect or an override gives no reason.
    """
    if override and not because.strip():
        raise PermanentError("An override needs a reason, which is kept with it; say why.")
    hindered = [text for item in items if (text := obstacle(item, override))]
    if hindered:
        raise PermanentError(hindered[0])
    decided_utc = datetime.now(UTC).isoformat(timespec="microseconds")
    decisions = []
    for item in items:
        sha256 = lake.sha256(item.entry.key)
        if sha256 is None:
            raise PermanentError(f"{item.name} is gone from raw/; the next run takes it out of quarantine.")
        decisions.append(Release(item.entry.key, sha256, override, because.strip(), decided_utc))
    for decision in decisions:
        releases.record(lake, decision)
    return decisions


def _is_overridable(fault: str) -> bool:
    return fault.rpartition(":")[2] in OVERRIDABLE_FAULTS


def matches_name(key: str, name: str) -> bool:
    """Say whether a person may mean an upload by that name: a key, as it is or as the UI shows it, its end, "all"."""
    shown = mask_key(key)
    return name in (EVERYTHING, key, shown, key.rpartition("/")[2], shown.rpartition("/")[2])
