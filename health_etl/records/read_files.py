"""Reading uploads: fetch, decode, validate and score many files at once. A refused file goes to quarantine
immediately and does not affect the others, whatever is wrong with it. De-duplication and the partition's tables belong
in partition.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from health_etl.avro import decode
from health_etl.errors import HealthEtlError, ObjectRefusedError
from health_etl.lake import keys
from health_etl.lake.manifest import FileEntry, Quality
from health_etl.lake.store import FetchedObject
from health_etl.lake.tables import frame_of, to_arrow
from health_etl.reasons import FileReason, FileRefusedError
from health_etl.record_types.base import RecordType
from health_etl.records import quarantine
from health_etl.records.dedupe import RECORD
from health_etl.records.quality import file_qualities
from health_etl.records.target import Target
from health_etl.records.validate import RowReason, row_faults
from health_etl.uploads import releases
from health_etl.uploads.listing import Upload

# What a person may overrule row by row. Clock faults are not included: nobody knows the right day.
OVERRIDABLE_FAULTS = frozenset({RowReason.OUT_OF_RANGE, RowReason.UNIT_SUSPECT})

NOT_KEPT = "the store did not accept a copy"
# What a bad file cannot cause: the lake fails, or the machine does.
NOT_OF_ONE_FILE = (HealthEtlError, MemoryError)


@dataclass(frozen=True)
class _DecodedUpload:
    """One file whose records could be decoded."""

    user_id: str
    entry: FileEntry
    content: bytes
    table: pa.Table
    overridden: bool


class FileReader:
    """Reads the uploads of one partition, batch by batch."""

    def __init__(self, target: Target, progress: Callable[[int], None]) -> None:
        self.target = target
        self.progress = progress
        self.entries: dict[str, FileEntry] = {}  # of files read, before de-duplication
        self.vanished: set[str] = set()  # listed, but gone when fetched
        self._counted: set[str] = set()  # files already reported to `progress`

    def rows(self, uploads: list[Upload], *, one_by_one: bool = False) -> pd.DataFrame | None:
        """Read these files; return the measurement rows, with their `faults`, of those that are not refused.

        All are measured together, which is faster. `one_by_one` is for when that failed in a way that the code does not
        know: each is measured alone, and refused if it fails.
        """
        files = {file.entry.key: file for file in self._decode(uploads)}
        if one_by_one:
            parts = [part for file in files.values() if (part := self._measure_alone(file)) is not None]
            return pd.concat(parts, ignore_index=True) if parts else None
        return self._judge(files, *self._measure(files)) if files else None

    def _measure(self, files: dict[str, _DecodedUpload]) -> tuple[pd.DataFrame, dict[str, Quality]]:
        """Return the measurement rows of these files, with their faults, and the quality of each file."""
        rows = frame_of(self.target.record_type.flatten(_with_source(list(files.values()))))
        faults = row_faults(rows, self.target.record_type, self.target.upload_date)
        drifted = {key for key, file in files.items() if file.entry.drift}
        qualities = file_qualities(rows, faults, self.target.record_type, drifted, self.target.rules)
        overridden = {key for key, file in files.items() if file.overridden}
        return rows.assign(faults=_without_overridden(faults, rows, overridden)), qualities

    def _measure_alone(self, file: _DecodedUpload) -> pd.DataFrame | None:
        """Return the rows of one file; None if it is refused, also because measuring or storing them fails."""
        key = file.entry.key
        try:
            rows, qualities = self._measure({key: file})
            schema = self.target.record_type.arrow_schema
            to_arrow(rows, pa.schema([field.with_nullable(True) for field in schema]))
            to_arrow(rows[~is_bad(rows, self.target.record_type)], schema)
        except NOT_OF_ONE_FILE:
            raise
        except Exception as error:  # noqa: BLE001 - reported as unexpected
            self._refuse_unexpected(replace(file.entry, quarantined=file.entry.rows_in), error, file.content)
            return None
        return self._judge({key: file}, rows, qualities)

    def _judge(
        self, files: dict[str, _DecodedUpload], rows: pd.DataFrame, qualities: dict[str, Quality]
    ) -> pd.DataFrame:
        refused = self._refuse_bad_files(files, rows, qualities)
        return rows[~rows["source_key"].isin(refused)] if refused else rows

    def _decode(self, uploads: list[Upload]) -> Iterator[_DecodedUpload]:
        for upload, found in self._fetch(uploads):
            entry = replace(_entry(upload, found.etag), size_bytes=len(found.content))
            overridden = self._is_overridden(upload, found.content)
            try:
                content_hash = None if overridden else upload.raw.content_hash
                file = decode.decode(found.content, self.target.record_type, content_hash)
                table = decode.to_table(file.records, self.target.record_type)
            except FileRefusedError as refused:
                self._refuse(replace(entry, reason=refused.reason, detail=refused.detail), found.content)
                continue
            except NOT_OF_ONE_FILE:
                raise
            except Exception as error:  # noqa: BLE001 - reported as unexpected
                self._refuse_unexpected(entry, error, found.content)
                continue
            entry = replace(entry, rows_in=table.num_rows, drift=file.drift)
            yield _DecodedUpload(upload.raw.user_id, entry, found.content, table, overridden)

    def _fetch(self, uploads: list[Upload]) -> Iterator[tuple[Upload, FetchedObject]]:
        """Fetch these files, except those that are listed as too large, have vanished, or the store refuses."""
        wanted: dict[str, Upload] = {}
        for upload in uploads:
            if upload.info.size_bytes > decode.MAX_FILE_BYTES:
                refused = decode.too_large_error(upload.info.size_bytes)
                entry = _entry(upload, upload.info.etag)
                self._refuse(replace(entry, reason=refused.reason, detail=refused.detail), None)
                self._count(upload.info.key)
            else:
                wanted[upload.info.key] = upload
        for key, found in self.target.lake.get_many(wanted):
            self._count(key)
            if found is None:
                self.vanished.add(key)
            elif isinstance(found, ObjectRefusedError):
                self._refuse_unavailable(wanted[key], found)
            else:
                yield wanted[key], found

    def _count(self, key: str) -> None:
        if key not in self._counted:
            self._counted.add(key)
            self.progress(1)

    def _is_overridden(self, upload: Upload, content: bytes) -> bool:
        """Tell whether a person overruled the rules for exactly these bytes."""
        release = releases.find(self.target.lake, upload.release.key) if upload.release else None
        return release is not None and release.override and release.content_sha256 == decode.content_digest(content)

    def _refuse_bad_files(
        self, files: dict[str, _DecodedUpload], rows: pd.DataFrame, qualities: dict[str, Quality]
    ) -> set[str]:
        """Refuse files that have no good row or score too low; return their keys."""
        bad = is_bad(rows, self.target.record_type)
        good_rows = rows.loc[~bad, "source_key"].value_counts().to_dict()
        refused = set()
        for key, file in files.items():
            entry = replace(file.entry, quality=qualities[key])
            result = self._refusal(entry, good_rows.get(key, 0), file.overridden)
            if result is None:
                self.entries[key] = entry
                continue
            own = rows[rows["source_key"] == key]
            refused_entry = replace(
                entry,
                reason=result[0],
                detail=result[1],
                quarantined=entry.rows_in,
                rejected_measurements=len(own),
                faults=fault_counts(own).get(key, {}),
            )
            self._refuse(refused_entry, file.content)
            refused.add(key)
        return refused

    def _refusal(self, entry: FileEntry, good_rows: int, overridden: bool) -> tuple[FileReason, str] | None:
        if not good_rows:
            whose = "its only record" if entry.rows_in == 1 else f"each of its {entry.rows_in:,} records"
            return FileReason.NO_GOOD_ROWS, f"{whose} is invalid"
        threshold = self.target.rules.threshold
        if entry.quality is not None and entry.quality.score < threshold and not overridden:
            detail = f"its quality score is {entry.quality.score:g}, below the threshold of {threshold:g}"
            return FileReason.LOW_QUALITY, detail
        return None

    def _refuse_unavailable(self, upload: Upload, refusal: ObjectRefusedError) -> None:
        """Refuse a file that the store does not hand out. Raises ObjectRefusedError if it hands out nothing at all."""
        detail = f"the store answers {refusal.answer}"
        self._refuse(replace(_entry(upload, upload.info.etag), reason=FileReason.STORE_REFUSED, detail=detail), None)
        self.target.lake.find(keys.quarantine_key(upload.info.key) + keys.METADATA_SUFFIX)  # as was just written

    def _refuse_unexpected(self, entry: FileEntry, error: Exception, content: bytes) -> None:
        """Refuse a file that the code fails on. Only the error's class is kept: its text may hold health values."""
        detail = f"{type(error).__name__} while it was read"
        self._refuse(replace(entry, reason=FileReason.UNEXPECTED, detail=detail), content)

    def _refuse(self, entry: FileEntry, content: bytes | None) -> None:
        file = quarantine.RefusedFile(entry, self.target.code_version, content, self.target.rules.version)
        if not quarantine.put_refused(self.target.lake, keys.quarantine_key(entry.key), file):
            entry = replace(entry, detail=f"{entry.detail}; {NOT_KEPT}")
        self.entries[entry.key] = entry


def is_bad(rows: pd.DataFrame, record_type: RecordType) -> pd.Series[bool]:
    """Mark the measurement rows that are rejected because of their `faults`."""
    bad = rows["faults"].notna()
    if not record_type.reject_whole_record or not bad.any():
        return bad
    return bad.groupby([rows[column] for column in RECORD]).transform("any")


def fault_counts(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count measurement rows by source key and fault."""
    if not rows["faults"].notna().any():
        return {}
    faults = rows["faults"].dropna().str.split("; ").explode()
    found: dict[str, dict[str, int]] = {}
    for key, own in faults.groupby(rows["source_key"].loc[faults.index]):
        found[str(key)] = {str(fault): int(count) for fault, count in own.value_counts().sort_index().items()}
    return found


def _without_overridden(faults: pd.Series[str], rows: pd.DataFrame, overridden: set[str]) -> pd.Series[str]:
    """Remove the faults that a person overruled."""
    if not overridden:
        return faults
    touched = faults[rows["source_key"].isin(overridden)].dropna().str.split("; ").explode()
    standing = touched[~touched.str.rsplit(":", n=1).str[-1].isin(OVERRIDABLE_FAULTS)]
    faults = faults.copy()
    faults.loc[touched.index] = None
    joined = standing.groupby(level=0).agg("; ".join)
    faults.loc[joined.index] = joined
    return faults


def _entry(upload: Upload, etag: str) -> FileEntry:
    info = upload.info
    return FileEntry(info.key, etag, info.size_bytes, 0, 0, 0, 0, release_etag=upload.version[1])


def _with_source(files: Sequence[_DecodedUpload]) -> pa.Table:
    """Join the decoded records of these files, and add the columns that say where each came from."""
    counts = [file.table.num_rows for file in files]
    file_number = np.repeat(np.arange(len(files)), counts)
    record_number = np.arange(len(file_number)) - np.repeat(np.cumsum(counts) - counts, counts)
    added: dict[str, Any] = {
        "user_id": pa.array([file.user_id for file in files], pa.string()).take(pa.array(file_number)),
        "source_key": pa.array([file.entry.key for file in files], pa.string()).take(pa.array(file_number)),
        "source_record_number": pa.array(record_number, pa.int32()),
    }
    records = pa.concat_tables([file.table for file in files]).combine_chunks()  # each chunk has its price
    for name, values in added.items():
        records = records.append_column(name, values)
    return records
