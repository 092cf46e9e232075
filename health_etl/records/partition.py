"""Bringing one records partition (a record type and an upload date) up to date with raw/.

Uploads that the manifest already accounts for, under the same ETag and code version, are not read again. A late file
costs only itself; a changed or deleted one causes all files of its person to be reread. Reading and validating files
belongs in read_files.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd
import pyarrow as pa

from health_etl.errors import DamagedTableError, ObjectNotFoundError
from health_etl.lake import accounts, commits, keys
from health_etl.lake.catalogue import latest_records
from health_etl.lake.commits import LostRaceError
from health_etl.lake.manifest import Counts, FileEntry, RecordsManifest, data_version, versions_digest
from health_etl.lake.store import Lake
from health_etl.lake.tables import TableWriter, empty_frame, frame_of, read_table, to_arrow
from health_etl.record_types.base import RecordType
from health_etl.records import quarantine
from health_etl.records.dedupe import RECORD, is_latest_version
from health_etl.records.local_time import states_offset
from health_etl.records.quality import QualityRules
from health_etl.records.read_files import NOT_OF_ONE_FILE, FileReader, fault_counts, is_bad
from health_etl.uploads.listing import TypeListing, Upload

CODE_VERSION = "3"  # of this module and what it calls; a new version rebuilds every partition
BATCH_BYTES = 32 * 1024 * 1024  # of Avro decoded at once; memory depends on this, not on the size of the day
BATCH_FILES = 2_000
DEFAULT_RULES = QualityRules()

FAULTS = pa.field("faults", pa.string())


@dataclass(frozen=True)
class Update:
    """The outcome of bringing a partition up to date."""

    manifest: RecordsManifest
    files_read: int
    changed: bool
    files: tuple[FileEntry, ...] = ()  # the accounts of all files, where the partition was changed


@dataclass(frozen=True)
class _Plan:
    """Which files to read, and whose earlier rows to keep."""

    previous: RecordsManifest | None
    files: Mapping[str, FileEntry]  # its accounts, by key
    to_read: tuple[Upload, ...]
    rebuilt_users: frozenset[str]


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
        build = _Build(self.lake, self.record_type, self.upload_date, plan, reader, self.batch_files)
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
) -> _Plan:
    is_usable = previous is not None and previous.counts.files == len(files)
    if (
        previous is None
        or not is_usable
        or not _same_versions(previous, record_type, rules)
        or not _tables_are_whole(lake, previous)
    ):
        return _Plan(None, {}, tuple(uploads), frozenset())
    users = frozenset(keys.parse_raw_key(key).user_id for key in _changed_uploads(files, uploads))
    to_read = tuple(u for u in uploads if u.info.key not in files or u.raw.user_id in users)
    return _Plan(previous, files, to_read, users)


def _tables_are_whole(lake: Lake, manifest: RecordsManifest) -> bool:
    """Tell whether the tables are there and undamaged; otherwise they are made from raw/ again."""
    tables = {manifest.table_key: manifest.table_sha256}
    if manifest.rejected_key is not None and manifest.rejected_sha256 is not None:
        tables[manifest.rejected_key] = manifest.rejected_sha256
    return all(lake.sha256(key) == sha256 for key, sha256 in tables.items())


class _Build:
    """Writes the tables of one partition, one batch of people at a time."""

    def __init__(
        self,
        lake: Lake,
        record_type: RecordType,
        upload_date: date,
        plan: _Plan,
        reader: FileReader,
        batch_files: int,
    ) -> None:
        self.lake = lake
        self.batch_files = batch_files
        self.record_type = record_type
        self.plan = plan
        self.reader = reader
        self.partition = upload_date.isoformat()
        self._folder = keys.records_folder(record_type.name, self.partition)
        self._rejected_prefix = keys.rejected_prefix(record_type.avro_name, self.partition)
        self.rejected_schema = pa.schema([*(f.with_nullable(True) for f in record_type.arrow_schema), FAULTS])
        self.accepted: dict[str, int] = defaultdict(int)
        self.quarantined: dict[str, int] = defaultdict(int)
        self.rejected_measurements: dict[str, int] = defaultdict(int)
        self.faults: dict[str, dict[str, int]] = {}
        self.utc_dates: set[str] = set()
        self.unzoned = False

    def run(self, uploads: Sequence[Upload]) -> tuple[RecordsManifest, tuple[FileEntry, ...]]:
        """Write the tables; return what is to be committed, and the accounts of all files."""
        with (
            TableWriter(self.lake, self._folder, self.record_type.arrow_schema) as table,
            TableWriter(self.lake, self._rejected_prefix, self.rejected_schema) as rejected,
        ):
            for batch in self._batches(uploads):
                good, bad = self._build_batch(batch)
                table.append(good)
                rejected.append(bad)
            rejected_sha256 = rejected.publish() if rejected.rows else None
            return self._manifest(uploads, table.rows, rejected.rows, table.publish(), rejected_sha256)

    def _batches(self, uploads: Sequence[Upload]) -> Iterator[list[tuple[str, list[Upload]]]]:
        """Group people, in order, into batches within the limits; yields each person with the files to read."""
        to_read: dict[str, list[Upload]] = {upload.raw.user_id: [] for upload in uploads}
        for upload in self.plan.to_read:
            to_read[upload.raw.user_id].append(upload)
        batch: list[tuple[str, list[Upload]]] = []
        size = count = 0
        for user_id, files in sorted(to_read.items()):
            batch.append((user_id, files))
            size += sum(upload.info.size_bytes for upload in files)
            count += max(1, len(files))
            if size >= BATCH_BYTES or count >= self.batch_files:
                yield batch
                batch, size, count = [], 0, 0
        if batch:
            yield batch

    def _build_batch(self, people: list[tuple[str, list[Upload]]]) -> tuple[pa.Table, pa.Table]:
        """Return the accepted and the rejected rows of these people, and account for them.

        When that fails in a way that the code does not know, the files are tried one by one and those at fault refused.
        """
        try:
            rows, accepted, rejected = self._make_rows(people)
        except NOT_OF_ONE_FILE:
            raise
        except Exception:  # noqa: BLE001 - raised again unless it is the fault of some files
            rows, accepted, rejected = self._make_rows(people, one_by_one=True)
        if len(rows):
            self._account(rows, rows["bad"])
        return accepted, rejected

    def _make_rows(
        self, people: list[tuple[str, list[Upload]]], *, one_by_one: bool = False
    ) -> tuple[pd.DataFrame, pa.Table, pa.Table]:
        """Return the rows of these people that are kept, and as tables the good ones and the `bad` ones."""
        frames = [*self._kept_rows([user_id for user_id, _ in people])]
        read = self.reader.rows([upload for _, files in people for upload in files], one_by_one=one_by_one)
        frames = [frame for frame in (*frames, read) if frame is not None and len(frame)]
        if frames:
            rows = pd.concat(frames, ignore_index=True)
            rows["bad"] = is_bad(rows, self.record_type)
            rows = rows[_is_kept(rows)]
            rows = rows.sort_values(["user_id", *self.record_type.sort_by, "record_id"], kind="stable")
        else:
            rows = empty_frame(self.record_type.arrow_schema).assign(
                faults=pd.Series(dtype="str"), bad=pd.Series(dtype="bool")
            )
        accepted = to_arrow(rows[~rows["bad"]], self.record_type.arrow_schema)
        return rows, accepted, to_arrow(rows[rows["bad"]], self.rejected_schema)

    def _kept_rows(self, user_ids: list[str]) -> Iterator[pd.DataFrame]:
        if self.plan.previous is None:
            return
        kept = [user_id for user_id in user_ids if user_id not in self.plan.rebuilt_users]
        table = read_table(self.lake, self.plan.previous.table_key, people=kept)
        yield frame_of(table.append_column(FAULTS, pa.nulls(table.num_rows, pa.string())))
        if self.plan.previous.rejected_key is not None:
            yield frame_of(read_table(self.lake, self.plan.previous.rejected_key, people=kept))

    def _account(self, rows: pd.DataFrame, bad: pd.Series[bool]) -> None:
        """Count records: accepted if at least one row is good, quarantined if none is."""
        if bad.any():
            self._account_for_bad(rows, bad)
        else:
            for key, count in rows[RECORD].drop_duplicates()["source_key"].value_counts().items():
                self.accepted[str(key)] += int(count)
        good = rows[~bad]
        for column in ("time_utc", "start_utc", "end_utc"):
            if column in good:
                dates = pd.Series(good[column].dt.floor("D").unique())  # few distinct values
                self.utc_dates.update(dates.dt.strftime("%Y-%m-%d"))
        for column in ("zone_offset", "start_zone_offset", "end_zone_offset"):
            if column in good:
                self.unzoned |= bool((~states_offset(good[column])).any())

    def _account_for_bad(self, rows: pd.DataFrame, bad: pd.Series[bool]) -> None:
        records = (~bad).groupby([rows["source_key"], rows["source_record_number"]]).any()
        for outcome, counts in ((True, self.accepted), (False, self.quarantined)):
            for key, count in records[records == outcome].groupby(level="source_key").size().items():
                counts[str(key)] += int(count)
        for key, count in rows[bad].groupby("source_key").size().items():
            self.rejected_measurements[str(key)] = int(count)
        self.faults.update(fault_counts(rows[bad]))

    def _manifest(
        self, uploads: Sequence[Upload], rows: int, rejected: int, sha256: str, rejected_sha256: str | None
    ) -> tuple[RecordsManifest, tuple[FileEntry, ...]]:
        entries = []
        for key in sorted(upload.info.key for upload in uploads if upload.info.key not in self.reader.vanished):
            entry = self._with_counts(self.reader.entries.get(key) or self.plan.files[key])
            entry.check()
            entries.append(entry)
        manifest = RecordsManifest(
            record_type=self.record_type.name,
            partition=self.partition,
            code_version=code_version(self.record_type),
            counts=Counts.of(entries),
            uploads_digest=versions_digest({entry.key: entry.version for entry in entries}),
            digest=data_version(sha256, entries),
            accounts_sha256=accounts.write(self.lake, self._folder + keys.ACCOUNTS, entries),
            measurement_rows=rows,
            rejected_rows=rejected,
            table_sha256=sha256,
            rejected_sha256=rejected_sha256,
            utc_dates=tuple(sorted(self.utc_dates)),
            unzoned=self.unzoned,
            quality_rules=self.reader.rules.version,
        )
        return manifest, tuple(entries)

    def _with_counts(self, entry: FileEntry) -> FileEntry:
        """Return a new or earlier entry with its current counts, which change when a later version of a record wins."""
        if entry.reason is not None:
            return entry
        accepted, quarantined = self.accepted[entry.key], self.quarantined[entry.key]
        return replace(
            entry,
            accepted=accepted,
            duplicate=entry.rows_in - accepted - quarantined,
            quarantined=quarantined,
            rejected_measurements=self.rejected_measurements[entry.key],
            faults=self.faults.get(entry.key, {}),
        )


def _is_kept(rows: pd.DataFrame) -> pd.Series[bool]:
    """Mark the rows of each record's latest good version, and those of a later version without a good row.

    A bad update is quarantined; it does not replace the good version before it.
    """
    if not rows["bad"].any():
        return is_latest_version(rows)
    is_good = ~rows.groupby(RECORD)["bad"].transform("all")
    kept = is_latest_version(rows) & ~is_good
    kept[is_good] = is_latest_version(rows[is_good])
    return kept
