"""One records partition (a type and an upload date), brought up to date with raw/.

What was already accounted for is not read again: the manifest says which objects, under which ETag and code
version. A late file costs only itself; a changed or vanished one makes its person's files be read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import pyarrow as pa

from health_etl.core import avro, keys, quarantine
from health_etl.core.dedupe import RECORD, is_latest_version
from health_etl.core.lake import FetchedObject, Lake
from health_etl.core.listing import Upload
from health_etl.core.local_time import stated_minutes
from health_etl.core.manifest import FileEntry, Quality, RecordsManifest, read_records_manifest
from health_etl.core.quality import file_qualities
from health_etl.core.reasons import FileReason, FileRefusedError
from health_etl.core.tables import TableWriter, empty_frame, read_table, to_arrow
from health_etl.core.validate import row_faults
from health_etl.record_types import record_types
from health_etl.record_types.base import RecordType

CODE_VERSION = "1"  # of this module and what it calls; a new one rebuilds every partition
BATCH_BYTES = 32 * 1024 * 1024  # of Avro, decoded at once; memory hangs on this and not on the day
BATCH_FILES = 2_000

FAULTS = pa.field("faults", pa.string())


@dataclass(frozen=True)
class Update:
    """What bringing a partition up to date did."""

    manifest: RecordsManifest
    files_read: int
    changed: bool


@dataclass(frozen=True)
class _FileResult:
    """One file as read: what the manifest will say, but for the outcome of de-duplication."""

    upload: Upload
    rows_in: int
    reason: FileReason | None = None
    detail: str | None = None
    added_fields: tuple[str, ...] = ()
    quality: Quality | None = None


@dataclass(frozen=True)
class _Plan:
    """Which files to read, and whose earlier rows to keep."""

    previous: RecordsManifest | None
    to_read: tuple[Upload, ...]
    rebuilt_users: frozenset[str]


def code_version(record_type: RecordType) -> str:
    """Return the version of everything that decides what a records partition holds."""
    return f"{CODE_VERSION}.{record_type.code_version}"


def is_current(manifest: RecordsManifest | None, uploads: Sequence[Upload], record_type: RecordType) -> bool:
    """Say whether the partition accounts for exactly these objects, under this code version."""
    if manifest is None or manifest.code_version != code_version(record_type):
        return False
    return {f.key: f.etag for f in manifest.files} == {u.info.key: u.info.etag for u in uploads}


def update(
    lake: Lake,
    record_type: RecordType,
    upload_date: date,
    uploads: Sequence[Upload],
    progress: Callable[[int], None] = lambda _: None,
) -> Update:
    """Bring one partition up to date with its uploads; `progress` hears of every file read.

    Raises PermanentError or TransientError when the lake fails, AccountingError when rows got lost.
    """
    key = keys.records_key(record_type.name, upload_date.isoformat())
    previous = read_records_manifest(lake, keys.manifest_key(key))
    if previous is not None and is_current(previous, uploads, record_type):
        return Update(previous, 0, changed=False)
    if previous is None and not uploads:
        return Update(_nothing(record_type, upload_date), 0, changed=False)
    plan = _plan(lake, key, previous, uploads, record_type)
    manifest = _Build(lake, record_type, upload_date, plan, progress).run(uploads)
    _drop_released(lake, previous, manifest)
    lake.put(keys.manifest_key(key), manifest.to_json())
    return Update(manifest, len(plan.to_read), changed=previous is None or previous.digest != manifest.digest)


def _nothing(record_type: RecordType, upload_date: date) -> RecordsManifest:
    """Return the manifest of a partition that nobody uploaded to; it is not written."""
    version = code_version(record_type)
    return RecordsManifest(record_type.name, upload_date.isoformat(), version, (), 0, 0, "", None, (), unzoned=False)


def _plan(
    lake: Lake,
    key: str,
    previous: RecordsManifest | None,
    uploads: Sequence[Upload],
    record_type: RecordType,
) -> _Plan:
    if previous is None or previous.code_version != code_version(record_type) or not _intact(lake, key, previous):
        return _Plan(None, tuple(uploads), frozenset())
    known = {entry.key: entry.etag for entry in previous.files}
    listed = {upload.info.key: upload.info.etag for upload in uploads}
    disturbed = [name for name, etag in known.items() if listed.get(name) != etag]
    users = frozenset(keys.parse_raw_key(name).user_id for name in disturbed)
    to_read = tuple(u for u in uploads if u.info.key not in known or u.raw.user_id in users)
    return _Plan(previous, to_read, users)


def _intact(lake: Lake, key: str, manifest: RecordsManifest) -> bool:
    """Say whether the tables are those that the manifest was written for, and not of an interrupted run."""
    rejected = keys.rejected_key(record_types()[manifest.record_type].avro_name, manifest.partition)
    pairs = ((key, manifest.table_sha256), (rejected, manifest.rejected_sha256))
    return all(lake.sha256(name) == sha256 for name, sha256 in pairs)


class _Build:
    """Writes the tables of one partition, batch of people by batch of people."""

    def __init__(
        self,
        lake: Lake,
        record_type: RecordType,
        upload_date: date,
        plan: _Plan,
        progress: Callable[[int], None],
    ) -> None:
        self.lake = lake
        self.record_type = record_type
        self.upload_date = upload_date
        self.plan = plan
        self.progress = progress
        self.partition = upload_date.isoformat()
        self.key = keys.records_key(record_type.name, self.partition)
        self.rejected_key = keys.rejected_key(record_type.avro_name, self.partition)
        self.results: dict[str, _FileResult] = {}
        self.etags: dict[str, str] = {}  # as read, which may be newer than as listed
        self.vanished: set[str] = set()  # listed, and gone when read
        self.accepted: dict[str, int] = defaultdict(int)
        self.quarantined: dict[str, int] = defaultdict(int)
        self.utc_dates: set[str] = set()
        self.unzoned = False

    def run(self, uploads: Sequence[Upload]) -> RecordsManifest:
        schema = self.record_type.arrow_schema
        rejected_schema = pa.schema([*(f.with_nullable(True) for f in schema), FAULTS])
        with (
            TableWriter(self.lake, self.key, schema) as table,
            TableWriter(self.lake, self.rejected_key, rejected_schema) as rejected,
        ):
            for batch in self._batches(uploads):
                good, bad = self._batch(batch)
                table.append(to_arrow(good, schema))
                rejected.append(to_arrow(bad, rejected_schema))
            rejected_sha256 = rejected.publish() if rejected.rows else None
            if rejected_sha256 is None:
                self.lake.delete([self.rejected_key])
            return self._manifest(uploads, table.rows, rejected.rows, table.publish(), rejected_sha256)

    def _batches(self, uploads: Sequence[Upload]) -> Iterator[list[tuple[str, list[Upload]]]]:
        """Group people, in order, so that a batch stays within its bounds; each with the files to read."""
        to_read: dict[str, list[Upload]] = {upload.raw.user_id: [] for upload in uploads}
        for upload in self.plan.to_read:
            to_read[upload.raw.user_id].append(upload)
        batch: list[tuple[str, list[Upload]]] = []
        size = count = 0
        for user_id, files in sorted(to_read.items()):
            batch.append((user_id, files))
            size += sum(upload.info.size_bytes for upload in files)
            count += max(1, len(files))
            if size >= BATCH_BYTES or count >= BATCH_FILES:
                yield batch
                batch, size, count = [], 0, 0
        if batch:
            yield batch

    def _batch(self, people: list[tuple[str, list[Upload]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the accepted and the rejected rows of these people."""
        frames = [*self._earlier([user_id for user_id, _ in people])]
        frames += self._decoded([upload for _, files in people for upload in files])
        frames = [frame for frame in frames if len(frame)]
        if not frames:
            empty = empty_frame(self.record_type.arrow_schema)
            return empty, empty.assign(faults=pd.Series(dtype="str"))
        rows = pd.concat(frames, ignore_index=True)
        rows["bad"] = rows["faults"].notna()
        if self.record_type.reject_whole_record:
            rows["bad"] = rows.groupby(RECORD)["bad"].transform("any")
        rows = rows[_is_kept(rows)]
        rows = rows.sort_values(["user_id", *self.record_type.sort_by, "record_id"], kind="stable")
        self._account(rows, rows["bad"])
        return rows[~rows["bad"]].drop(columns=["faults", "bad"]), rows[rows["bad"]].drop(columns="bad")

    def _earlier(self, user_ids: list[str]) -> Iterator[pd.DataFrame]:
        if self.plan.previous is None:
            return
        kept = [user_id for user_id in user_ids if user_id not in self.plan.rebuilt_users]
        table = read_table(self.lake, self.key, people=kept)
        yield _frame(table.append_column(FAULTS, pa.nulls(table.num_rows, pa.string())))
        if self.plan.previous.rejected_sha256 is not None:
            yield _frame(read_table(self.lake, self.rejected_key, people=kept))

    def _decoded(self, uploads: list[Upload]) -> Iterator[pd.DataFrame]:
        """Read and decode these files; yields their rows with the faults found, all at once."""
        by_key = {upload.info.key: upload for upload in uploads}
        decoded: dict[str, avro.DecodedFile] = {}
        tables = []
        for upload, found in self._fetched(uploads):
            try:
                file = avro.decode(found.content, self.record_type, upload.raw.content_hash)
                tables.append(_with_source(avro.to_table(file.records, self.record_type), upload))
                decoded[upload.info.key] = file
            except FileRefusedError as refused:
                self._refuse(upload, found.etag, found.content, refused)
        if not tables:
            return
        rows = _frame(self.record_type.flatten(pa.concat_tables(tables)))
        faults = row_faults(rows, self.record_type, self.upload_date)
        added = {key for key, file in decoded.items() if file.added_fields}
        qualities = file_qualities(rows, faults, self.record_type, added)
        for table in tables:
            key = table["source_key"][0].as_py()
            self.results[key] = _FileResult(
                by_key[key], table.num_rows, added_fields=decoded[key].added_fields, quality=qualities[key]
            )
        yield rows.assign(faults=faults)

    def _fetched(self, uploads: list[Upload]) -> Iterator[tuple[Upload, FetchedObject]]:
        """Fetch these files, but for those that are too large by their listing or gone by now."""
        wanted: dict[str, Upload] = {}
        for upload in uploads:
            if upload.info.size_bytes > avro.MAX_FILE_BYTES:
                self._refuse(upload, upload.info.etag, None, avro.too_large(upload.info.size_bytes))
                self.progress(1)
            else:
                wanted[upload.info.key] = upload
        for key, found in self.lake.get_many(wanted):
            self.progress(1)
            if found is None:
                self.vanished.add(key)
            else:
                self.etags[key] = found.etag
                yield wanted[key], found

    def _refuse(self, upload: Upload, etag: str, content: bytes | None, refused: FileRefusedError) -> None:
        file = quarantine.RefusedFile(
            source_key=upload.info.key,
            etag=etag,
            size_bytes=upload.info.size_bytes if content is None else len(content),
            reason=refused.reason,
            detail=refused.detail,
            code_version=code_version(self.record_type),
            content=content,
        )
        quarantine.put_refused(self.lake, keys.quarantine_key(upload.info.key), file)
        self.etags[upload.info.key] = etag
        self.results[upload.info.key] = _FileResult(upload, 0, refused.reason, refused.detail)

    def _account(self, rows: pd.DataFrame, bad: pd.Series[bool]) -> None:
        """Count records: accepted with at least one good row, quarantined with none."""
        records = (~bad).groupby([rows["source_key"], rows["source_record_number"]]).any()
        for outcome, counts in ((True, self.accepted), (False, self.quarantined)):
            for key, count in records[records == outcome].groupby(level="source_key").size().items():
                counts[str(key)] += int(count)
        good = rows[~bad]
        for column in ("time_utc", "start_utc", "end_utc"):
            if column in good:
                self.utc_dates.update(good[column].dt.strftime("%Y-%m-%d").unique())
        for column in ("zone_offset", "start_zone_offset", "end_zone_offset"):
            if column in good:
                self.unzoned |= bool(stated_minutes(good[column]).isna().any())

    def _manifest(
        self, uploads: Sequence[Upload], rows: int, rejected: int, sha256: str, rejected_sha256: str | None
    ) -> RecordsManifest:
        earlier = {e.key: e for e in self.plan.previous.files} if self.plan.previous else {}
        entries = []
        for key in (upload.info.key for upload in uploads if upload.info.key not in self.vanished):
            entry = self._entry(self.results[key]) if key in self.results else self._again(earlier[key])
            entry.check()
            entries.append(entry)
        return RecordsManifest(
            record_type=self.record_type.name,
            partition=self.partition,
            code_version=code_version(self.record_type),
            files=tuple(entries),
            measurement_rows=rows,
            rejected_rows=rejected,
            table_sha256=sha256,
            rejected_sha256=rejected_sha256,
            utc_dates=tuple(sorted(self.utc_dates)),
            unzoned=self.unzoned,
        )

    def _entry(self, result: _FileResult) -> FileEntry:
        info = result.upload.info
        accepted, quarantined = self.accepted[info.key], self.quarantined[info.key]
        return FileEntry(
            key=info.key,
            etag=self.etags[info.key],
            size_bytes=info.size_bytes,
            rows_in=result.rows_in,
            accepted=accepted,
            duplicate=result.rows_in - accepted - quarantined,
            quarantined=quarantined,
            reason=str(result.reason) if result.reason else None,
            detail=result.detail,
            added_fields=result.added_fields,
            quality=result.quality,
        )

    def _again(self, entry: FileEntry) -> FileEntry:
        """Return an earlier entry with its counts as they are now: a later version may have won."""
        accepted, quarantined = self.accepted[entry.key], self.quarantined[entry.key]
        return FileEntry(
            **{
                **entry.__dict__,
                "accepted": accepted,
                "duplicate": entry.rows_in - accepted - quarantined,
                "quarantined": quarantined,
            }
        )


def _is_kept(rows: pd.DataFrame) -> pd.Series[bool]:
    """Mark the rows of each record's latest good version, and those of a later version that is bad altogether.

    A bad update is quarantined; it does not take the good version that went before it away.
    """
    if not rows["bad"].any():
        return is_latest_version(rows)
    is_good = ~rows.groupby(RECORD)["bad"].transform("all")
    kept = is_latest_version(rows) & ~is_good
    kept[is_good] = is_latest_version(rows[is_good])
    return kept


def _drop_released(lake: Lake, previous: RecordsManifest | None, manifest: RecordsManifest) -> None:
    """Remove quarantined copies of files that are gone or good by now."""
    refused = {entry.key for entry in manifest.files if entry.reason}
    before = {entry.key for entry in previous.files if entry.reason} if previous else set()
    quarantine.drop_refused(lake, map(keys.quarantine_key, sorted(before - refused)))


def _with_source(records: pa.Table, upload: Upload) -> pa.Table:
    """Add where these decoded records came from."""
    count = records.num_rows
    return (
        records.append_column("user_id", pa.repeat(upload.raw.user_id, count))
        .append_column("source_key", pa.repeat(upload.info.key, count))
        .append_column("source_record_number", pa.array(range(count), pa.int32()))
    )


def _frame(table: pa.Table) -> pd.DataFrame:
    # Nullable integers, so that a missing value stays missing and does not turn a column into floats.
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}.get)
    return frame
