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
from health_etl.uploads.listing import TypeListing, Upload

CODE_VERSION = "3"  # of this module and what it calls; a new version rebuilds every partition
DEFAULT_RULES = QualityRules()


@dataclass(frozen=True)
class Update:
    """The outcome of bringing a partition up to date."""

    manifest: RecordsManifest
    files_read: int
    changed: bool
    files: tuple[FileEntry, ...] = ()  # the accounts of all files, where the partition was changed


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
    updater = _Updater(lake, record_type, upload_date, rules, progress, batch_files)
    while True:
        try:
            return updater.update(uploads)
        except LostRaceError:  # whoever won may have seen newer uploads
            uploads = updater.list_again()


class _Updater:
    """Tries to bring one partition up to date, from whatever state it is in."""

    def __init__(
        self,
        lake: Lake,
        record_type: RecordType,
        upload_date: date,
        rules: QualityRules,
        progress: Callable[[int], None],
        batch_files: int,
    ) -> None:
        self.lake = lake
        self.record_type = record_type
        self.upload_date = upload_date
        self.rules = rules
        self.progress = progress
        self.batch_files = batch_files
        self.partition = upload_date.isoformat()
        self.folder = keys.records_folder(record_type.name, self.partition)
        self.copied: set[str] = set()  # uploads of which a copy was put into quarantine, in every attempt

    def list_again(self) -> tuple[Upload, ...]:
        """Return the uploads that there are now."""
        return TypeListing(self.lake, self.record_type, [self.upload_date]).uploads(self.upload_date)

    def update(self, uploads: Sequence[Upload]) -> Update:
        """Bring the partition up to date; raises LostRaceError if another writer was faster."""
        head, previous = latest_records(self.lake, self.record_type.name, self.partition)
        version = code_version(self.record_type)
        if previous is None and not uploads:
            empty = RecordsManifest.empty(self.record_type.name, self.partition, version, self.rules.version)
            return Update(empty, 0, changed=False)
        files = self._accounts(previous) if not self._is_current(previous, uploads) or self.copied else {}
        if _changed_uploads(files, uploads):
            # The listing may be older than the state; one that is made now cannot be.
            uploads = self.list_again()
        if previous is not None and self._is_current(previous, uploads):
            self._tidy_quarantine(files.values(), files.values())
            return Update(previous, 0, changed=False)
        plan = _plan(self.lake, previous, files, uploads, self.record_type, self.rules)
        reader = FileReader(self.lake, self.record_type, self.upload_date, self.rules, version, self.progress)
        build = Build(self.lake, self.record_type, self.upload_date, version, plan, reader, self.batch_files)
        try:
            manifest, entries = build.run(uploads)
        finally:
            self.copied |= {key for key, entry in reader.entries.items() if entry.reason}
        quarantine.put_rejected_metadata(self.lake, manifest, entries)
        commits.commit(self.lake, self.folder, head, manifest.to_json())
        self._tidy_quarantine(files.values(), entries)
        is_other = previous is None or previous.digest != manifest.digest
        return Update(manifest, len(plan.to_read), is_other, entries)

    def _is_current(self, manifest: RecordsManifest | None, uploads: Sequence[Upload]) -> bool:
        return is_current(manifest, uploads, self.record_type, self.rules)

    def _accounts(self, manifest: RecordsManifest | None) -> dict[str, FileEntry]:
        """Return the accounts of a partition by key; none where they are gone or damaged, so that all is read again."""
        try:
            return {file.key: file for file in accounts.read(self.lake, manifest)} if manifest else {}
        except (ObjectNotFoundError, DamagedTableError):
            return {}

    def _tidy_quarantine(self, before: Iterable[FileEntry], now: Iterable[FileEntry]) -> None:
        """Delete the copies of files that are refused no longer, as the manifest that was just committed says."""
        earlier, refused = ({entry.key for entry in files if entry.reason} for files in (before, now))
        quarantine.drop_refused(self.lake, map(keys.quarantine_key, sorted((earlier | self.copied) - refused)))


def _same_versions(manifest: RecordsManifest, record_type: RecordType, rules: QualityRules) -> bool:
    return (manifest.code_version, manifest.quality_rules) == (code_version(record_type), rules.version)


def _upload_versions(uploads: Sequence[Upload]) -> dict[str, tuple[str, str | None]]:
    return {upload.info.key: upload.version for upload in uploads}


def _changed_uploads(files: Mapping[str, FileEntry], uploads: Sequence[Upload]) -> list[str]:
    """Return the uploads that are accounted for and that are gone, or have another version."""
    listed = _upload_versions(uploads)
    return [key for key, file in files.items() if listed.get(key) != file.version]


def _plan(
    lake: Lake,
    previous: RecordsManifest | None,
    files: Mapping[str, FileEntry],
    uploads: Sequence[Upload],
    record_type: RecordType,
    rules: QualityRules,
) -> Plan:
    is_usable = previous is not None and previous.counts.files == len(files)
    if (
        previous is None
        or not is_usable
        or not _same_versions(previous, record_type, rules)
        or not _tables_are_whole(lake, previous)
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
