"""The tables of one records partition: of the people with files to read made again, of all others carried over.

Reading and validating files belongs in read_files.py; what has to be read is decided in partition.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from health_etl.lake import accounts, keys
from health_etl.lake.manifest import Counts, FileEntry, RecordsManifest, data_version, versions_digest
from health_etl.lake.tables import TableWriter, empty_frame, frame_of, read_table, to_arrow
from health_etl.records.dedupe import RECORD, is_latest_version
from health_etl.records.local_time import states_offset
from health_etl.records.read_files import NOT_OF_ONE_FILE, FileReader, fault_counts, is_bad
from health_etl.records.target import Target
from health_etl.uploads.listing import Upload

BATCH_BYTES = 32 * 1024 * 1024  # of Avro decoded at once; memory depends on this, not on the size of the day
BATCH_FILES = 2_000

FAULTS = pa.field("faults", pa.string())

_People = list[tuple[str, list[Upload]]]  # each with the files to read


@dataclass(frozen=True)
class Plan:
    """Which files to read, and whose earlier rows to keep."""

    previous: RecordsManifest | None
    files: Mapping[str, FileEntry]  # its accounts, by key
    to_read: tuple[Upload, ...]
    rebuilt_users: frozenset[str]  # whose earlier rows are not to be kept


class Build:
    """Writes the tables of one partition, one batch of people at a time."""

    def __init__(self, target: Target, plan: Plan, reader: FileReader, batch_files: int) -> None:
        self.target = target
        self.plan = plan
        self.reader = reader
        self.batch_files = batch_files
        self.rejected_schema = pa.schema([*(f.with_nullable(True) for f in target.record_type.arrow_schema), FAULTS])
        self.accepted: dict[str, int] = defaultdict(int)
        self.quarantined: dict[str, int] = defaultdict(int)
        self.rejected_measurements: dict[str, int] = defaultdict(int)
        self.faults: dict[str, dict[str, int]] = {}
        self.utc_dates: set[str] = set()
        self.made: set[str] = set()  # people whose rows were made again; the others keep theirs, and their accounts
        self.unzoned = False

    def run(self, uploads: Sequence[Upload]) -> tuple[RecordsManifest, tuple[FileEntry, ...]]:
        """Write the tables; return what is to be committed, and the accounts of all files."""
        lake, schema = self.target.lake, self.target.record_type.arrow_schema
        rejected_prefix = keys.rejected_prefix(self.target.record_type.avro_name, self.target.partition)
        with (
            TableWriter(lake, self.target.folder, schema) as table,
            TableWriter(lake, rejected_prefix, self.rejected_schema) as rejected,
        ):
            for batch in self._batches(uploads):
                good, bad = self._build_batch(batch)
                table.append(good)
                rejected.append(bad)
            rejected_sha256 = rejected.publish() if rejected.rows else None
            return self._manifest(uploads, table.rows, rejected.rows, table.publish(), rejected_sha256)

    def _batches(self, uploads: Sequence[Upload]) -> Iterator[_People]:
        """Group people, in order, into batches within the limits; yields each person with the files to read."""
        to_read: dict[str, list[Upload]] = {upload.raw.user_id: [] for upload in uploads}
        for upload in self.plan.to_read:
            to_read[upload.raw.user_id].append(upload)
        batch: _People = []
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

    def _build_batch(self, people: _People) -> tuple[pa.Table, pa.Table]:
        """Return the accepted and the rejected rows of these people, in order of people."""
        rebuilt = self.plan.rebuilt_users
        made = [(user_id, files) for user_id, files in people if files or user_id in rebuilt]
        changing = {user_id for user_id, _ in made}
        earlier = self._earlier([user_id for user_id, _ in people if user_id not in rebuilt])
        carried = [_without(table, changing) for table in earlier]
        good, bad = carried
        if made:
            kept = [_only(table, changing) for table in earlier]
            new_good, new_bad = self._make(made, kept)
            good, bad = _in_order(good, new_good), _in_order(bad, new_bad)
        self._note_times(good)
        return good, bad

    def _make(self, people: _People, earlier: Sequence[pa.Table]) -> tuple[pa.Table, pa.Table]:
        """Return the accepted and the rejected rows of people with files to read, and account for them.

        earlier: the rows of both kinds that they keep.

        When that fails in a way that the code does not know, the files are tried one by one and those at fault refused.
        """
        try:
            rows, accepted, rejected = self._make_rows(people, earlier)
        except NOT_OF_ONE_FILE:
            raise
        except Exception:  # noqa: BLE001 - raised again unless it is the fault of some files
            rows, accepted, rejected = self._make_rows(people, earlier, one_by_one=True)
        if len(rows):
            self._account(rows, rows["bad"])
        self.made |= {user_id for user_id, _ in people}
        return accepted, rejected

    def _make_rows(
        self, people: _People, earlier: Sequence[pa.Table], *, one_by_one: bool = False
    ) -> tuple[pd.DataFrame, pa.Table, pa.Table]:
        """Return the rows of these people that are kept, and as tables the good ones and the `bad` ones."""
        good, bad = earlier
        tables = (good.append_column(FAULTS, pa.nulls(good.num_rows, pa.string())), bad)
        read = self.reader.rows([upload for _, files in people for upload in files], one_by_one=one_by_one)
        frames = [frame_of(table) for table in tables if table.num_rows]
        frames += [read] if read is not None and len(read) else []
        if frames:
            rows = pd.concat(frames, ignore_index=True)
            rows["bad"] = is_bad(rows, self.target.record_type)
            rows = rows[_is_kept(rows)]
            rows = rows.sort_values(["user_id", *self.target.record_type.sort_by, "record_id"], kind="stable")
        else:
            rows = empty_frame(self.target.record_type.arrow_schema).assign(
                faults=pd.Series(dtype="str"), bad=pd.Series(dtype="bool")
            )
        accepted = to_arrow(rows[~rows["bad"]], self.target.record_type.arrow_schema)
        return rows, accepted, to_arrow(rows[rows["bad"]], self.rejected_schema)

    def _earlier(self, people: list[str]) -> tuple[pa.Table, pa.Table]:
        """Return the accepted and the rejected rows that the partition has of these people."""
        previous = self.plan.previous
        good, bad = self.target.record_type.arrow_schema.empty_table(), self.rejected_schema.empty_table()
        if previous is None or not people:
            return good, bad
        good = read_table(self.target.lake, previous.table_key, people=people).cast(good.schema)
        if previous.rejected_key is not None:
            bad = read_table(self.target.lake, previous.rejected_key, people=people).cast(bad.schema)
        return good, bad

    def _note_times(self, good: pa.Table) -> None:
        """Note which UTC dates accepted rows fall on, and whether some state no offset that can be believed."""
        for column in ("time_utc", "start_utc", "end_utc"):
            if column in good.schema.names:
                days = pc.unique(good[column].cast(pa.date32(), safe=False))
                self.utc_dates.update(day.isoformat() for day in days.to_pylist())
        for column in ("zone_offset", "start_zone_offset", "end_zone_offset"):
            if column in good.schema.names:
                self.unzoned |= bool((~states_offset(pc.unique(good[column]).to_pandas().astype("str"))).any())

    def _account(self, rows: pd.DataFrame, bad: pd.Series[bool]) -> None:
        """Count records: accepted if at least one row is good, quarantined if none is."""
        if bad.any():
            self._account_for_bad(rows, bad)
        else:
            for key, count in rows[RECORD].drop_duplicates()["source_key"].value_counts().items():
                self.accepted[str(key)] += int(count)

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
            record_type=self.target.record_type.name,
            partition=self.target.partition,
            code_version=self.target.code_version,
            counts=Counts.of(entries),
            uploads_digest=versions_digest({entry.key: entry.version for entry in entries}),
            digest=data_version(sha256, entries),
            accounts_sha256=accounts.write(self.target.lake, self.target.folder + keys.ACCOUNTS, entries),
            measurement_rows=rows,
            rejected_rows=rejected,
            table_sha256=sha256,
            rejected_sha256=rejected_sha256,
            utc_dates=tuple(sorted(self.utc_dates)),
            unzoned=self.unzoned,
            quality_rules=self.target.rules.version,
        )
        return manifest, tuple(entries)

    def _with_counts(self, entry: FileEntry) -> FileEntry:
        """Return a new or earlier entry with its current counts, which change when a later version of a record wins."""
        if entry.reason is not None or keys.parse_raw_key(entry.key).user_id not in self.made:
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


def _only(table: pa.Table, people: Collection[str]) -> pa.Table:
    return table.filter(pc.is_in(table["user_id"], value_set=pa.array(sorted(people), pa.string())))


def _without(table: pa.Table, people: Collection[str]) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table["user_id"], value_set=pa.array(sorted(people), pa.string()))))


def _in_order(one: pa.Table, other: pa.Table) -> pa.Table:
    """Return the rows of two tables in order of people, of whom no one is in both; each person's are in order."""
    if not one.num_rows or not other.num_rows:
        return one if one.num_rows else other
    whole = pa.concat_tables([one, other])
    return whole.take(pc.sort_indices(whole["user_id"]))


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
