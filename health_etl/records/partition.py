"""Bringing one records partition (a record type and an upload date) up to date with raw/.

Uploads that the manifest already accounts for, under the same ETag and code version, are not read again. A late file
costs only itself; a changed or deleted one causes all files of its person to be reread. build.py makes the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from health_etl.errors import DamagedTableError, ObjectNotFoundError
from health_etl.lake import accounts, commits, keys
from health_etl.lake.catalogue import latest_records
from health_etl.lake.commits import LostRaceError
from health_etl.lake.manifest import FileEntry, RecordsManifest, versions_digest
from health_etl.lake.store import Lake
from health_etl.record_types.base import RecordType
from health_etl.records import quarantine
from health_etl.records.build import BATCH_FILES, Build, Plan
from health_etl.records.quality import QualityRules
from health_etl.records.read_files import FileReader
from health_etl.records.target import Target
from health_etl.uploads.listing import TypeListing, Upload

CODE_VERSION = "3"  # of this module and what it calls; a new version rebuilds every partition
DEFAULT_RULES = QualityRules()


@dataclass(frozen=True)
class Update:
    """The outcome of bringing a partition up to date."""

    manifest: RecordsManifest
    files_read: int
    changed: bool


def code_version(record_type: RecordType) -> str:
    """Return the version of everything that decides what a records partition holds."""
    return f"{CODE_VERSION}.{record_type.code_version}"


def is_current(
    manifest: RecordsManifest | None,
    uploads: Sequence[Upload],
    record_type: RecordType,
    rules: QualityRules = DEFAULT_RULES,
) -> bool:
    """Tell whether the partition accounts for exactly these uploads, under this code version and these rules."""
    return is_current_with(manifest, versions_digest(_upload_versions(uploads)), record_type, rules)


def is_current_with(
    manifest: RecordsManifest | None, uploads_digest: str, record_type: RecordType, rules: QualityRules = DEFAULT_RULES
) -> bool:
    """Like `is_current`, for uploads of which only the digest is known."""
    if manifest is None or not _same_versions(manifest, record_type, rules):
        return False
    return manifest.uploads_digest == uploads_digest


def update(
    lake: Lake,
    record_type: RecordType,
    upload_date: date,
    uploads: Sequence[Upload],
    rules: QualityRules = DEFAULT_RULES,
    progress: Callable[[int], None] = lambda _: None,
    batch_files: int = BATCH_FILES,
) -> Update:
    """Bring one partition up to date with its uploads; `progress` is called for every file read.

    Raises PermanentError or TransientError when the lake fails, AccountingError when rows are lost.
    """
    target = Target(lake, record_type, upload_date, rules, code_version(record_type))
    while True:
        try:
            return _update(target, uploads, progress, batch_files)
        except LostRaceError:  # the winner may have seen newer uploads
            uploads = _list(target)


def _update(target: Target, uploads: Sequence[Upload], progress: Callable[[int], None], batch_files: int) -> Update:
    """Bring the partition up to date; raises LostRaceError if another writer was faster."""
    name, partition = target.record_type.name, target.partition
    head, previous = latest_records(target.lake, name, partition)
    if previous is None and not uploads:
        empty = RecordsManifest.empty(name, partition, target.code_version, target.rules.version)
        return Update(empty, 0, changed=False)
    files = {} if is_current(previous, uploads, target.record_type, target.rules) else _files(target, previous)
    if _changed_uploads(files, uploads):
        uploads = _list(target)  # the one given may be older than the state; this one cannot be
    if previous is not None and is_current(previous, uploads, target.record_type, target.rules):
        return Update(previous, 0, changed=False)
    plan = _plan(target, previous, files, uploads)
    manifest, entries = Build(target, plan, FileReader(target, progress), batch_files).run(uploads)
    quarantine.put_rejected_metadata(target.lake, manifest, entries)
    commits.commit(target.lake, target.folder, head, manifest.to_json())
    # What a writer copied that lost a race is swept.
    released = _refused(files.values()) - _refused(entries)
    quarantine.drop_refused(target.lake, map(keys.quarantine_key, sorted(released)))
    return Update(manifest, len(plan.to_read), previous is None or previous.digest != manifest.digest)


def _list(target: Target) -> tuple[Upload, ...]:
    """Return the uploads that there are now."""
    return TypeListing(target.lake, target.record_type, [target.upload_date]).uploads(target.upload_date)


def _refused(files: Iterable[FileEntry]) -> set[str]:
    return {file.key for file in files if file.reason}


def _files(target: Target, previous: RecordsManifest | None) -> dict[str, FileEntry]:
    """Return the entry of every file of a partition, by key; none if they are gone or damaged, so that all is read."""
    try:
        return {file.key: file for file in accounts.read(target.lake, previous)} if previous else {}
    except (ObjectNotFoundError, DamagedTableError):
        return {}


def _same_versions(manifest: RecordsManifest, record_type: RecordType, rules: QualityRules) -> bool:
    return (manifest.code_version, manifest.quality_rules) == (code_version(record_type), rules.version)


def _upload_versions(uploads: Sequence[Upload]) -> dict[str, tuple[str, str | None]]:
    return {upload.info.key: upload.version for upload in uploads}


def _changed_uploads(files: Mapping[str, FileEntry], uploads: Sequence[Upload]) -> list[str]:
    """Return the uploads that are accounted for and that are gone, or have another version."""
    listed = _upload_versions(uploads)
    return [key for key, file in files.items() if listed.get(key) != file.version]


def _plan(
    target: Target, previous: RecordsManifest | None, files: Mapping[str, FileEntry], uploads: Sequence[Upload]
) -> Plan:
    if (
        previous is None
        or previous.counts.files != len(files)
        or not _same_versions(previous, target.record_type, target.rules)
        or not _tables_are_whole(target.lake, previous)
    ):
        return Plan(None, {}, tuple(uploads), frozenset())
    users = frozenset(keys.parse_raw_key(key).user_id for key in _changed_uploads(files, uploads))
    to_read = tuple(u for u in uploads if u.info.key not in files or u.raw.user_id in users)
    return Plan(previous, files, to_read, users)


def _tables_are_whole(lake: Lake, manifest: RecordsManifest) -> bool:
    """Tell whether the tables are there and undamaged; otherwise they are made from raw/ again."""
    tables = {manifest.table_key: manifest.table_sha256}
    if manifest.rejected_key is not None and manifest.rejected_sha256 is not None:
        tables[manifest.rejected_key] = manifest.rejected_sha256
    return all(lake.sha256(key) == sha256 for key, sha256 in tables.items())
