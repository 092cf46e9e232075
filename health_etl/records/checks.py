"""Checks of one records partition, based on its manifest and its tables. Insights have checks of their own.

Results contain counts and reasons only: no health value and no user id.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from health_etl.check_result import Check, CheckResult
from health_etl.errors import DamagedTableError, ObjectNotFoundError
from health_etl.lake import accounts
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import mask_key
from health_etl.lake.manifest import UNFINISHED, Counts
from health_etl.lake.tables import read_table
from health_etl.reasons import REMEDIES, FileReason, remedy, row_remedy
from health_etl.records import partition as records_partition
from health_etl.records.validate import RowReason, temporal_reasons
from health_etl.uploads import releases
from health_etl.uploads.listing import TypeListing
from health_etl.wording import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from health_etl.lake.manifest import FileEntry, RecordsManifest
    from health_etl.lake.store import Lake
    from health_etl.record_types.base import RecordType
    from health_etl.records.quality import QualityRules
    from health_etl.uploads.listing import Upload

# ASSUMPTION: if fewer cells of an expected column are filled, an app has stopped writing it.
MIN_COMPLETENESS = 0.9

# ASSUMPTIONS: how far the share of quarantined records may exceed that of the preceding partitions.
HISTORY_PARTITIONS = 28
MIN_HISTORY_RECORDS = 100  # with fewer records before it, the margin alone applies
RATE_FACTOR = 2.0
RATE_MARGIN = 0.05

_ORIGIN = ("source_key", "source_record_number")


@dataclass(frozen=True)
class Partition:
    """One partition and what its checks need. `history` holds the manifests of earlier partitions, latest last."""

    lake: Lake
    record_type: RecordType
    partition: str
    manifest: RecordsManifest | None
    uploads: Sequence[Upload]
    history: Sequence[RecordsManifest]
    rules: QualityRules

    @cached_property
    def files(self) -> Sequence[FileEntry]:
        """The accounts of every file; none if they are gone or damaged, which the accounting check reports."""
        try:
            return accounts.read(self.lake, self.manifest) if self.manifest else ()
        except (ObjectNotFoundError, DamagedTableError):
            return ()

    @cached_property
    def table(self) -> pa.Table | None:
        """The columns of the accepted rows that checks read; None if the table is gone or damaged."""
        names = [*_ORIGIN, *(column.name for column in self.record_type.columns if column.expected and column.nullable)]
        return _read_columns(self.lake, self.manifest.table_key, [*dict.fromkeys(names)]) if self.manifest else None


def partitions(
    lake: Lake, record_type: RecordType, names: Sequence[str], rules: QualityRules
) -> Iterator[tuple[str, Partition]]:
    """Yield each of these partitions by name, with what its checks need; manifests are read once."""
    manifests = Catalogue(lake).records(record_type.name)
    known, listing = list(manifests), TypeListing(lake, record_type, map(date.fromisoformat, names))
    for name in names:
        before = known[: bisect_left(known, name)][-HISTORY_PARTITIONS:]
        uploads = listing.uploads(date.fromisoformat(name))
        history = [manifests[earlier] for earlier in before]
        yield name, Partition(lake, record_type, name, manifests.get(name), uploads, history, rules)


def accounting(partition: Partition) -> CheckResult:
    """Recount the records in the tables and compare with what the manifest says about every file."""
    manifest = partition.manifest
    if manifest is None:
        return CheckResult(True, "Nothing was uploaded.")
    if manifest.code_version == UNFINISHED or Counts.of(partition.files) != manifest.counts:
        text = (
            "The accounts are gone, damaged or not what the manifest counts. Delete the partition's folder, run again."
        )
        return CheckResult(False, text, True)
    accepted, rejected = _records_by_file(partition.table), manifest.rejected_key
    lost = _records_by_file(_read_columns(partition.lake, rejected, _ORIGIN)) if rejected else {}
    wrong = []
    for entry in partition.files:
        good = accepted.pop(entry.key, set())
        bad = lost.pop(entry.key, set()) - good
        in_tables = (len(good), entry.rows_in if entry.reason else len(bad))
        adds_up = entry.rows_in == entry.accepted + entry.duplicate + entry.quarantined
        if in_tables != (entry.accepted, entry.quarantined) or not adds_up:
            wrong.append({"file": mask_key(entry.key), "fault": "its counts do not match the tables"})
    wrong += [{"file": mask_key(key), "fault": "its rows are in no manifest"} for key in (*accepted, *lost)]
    rows_in, good_records, duplicate, quarantined = manifest.total()
    counts = {"rows_in": rows_in, "accepted": good_records, "duplicate": duplicate, "quarantined": quarantined}
    if wrong:
        text = "Rows were lost or counted twice. Delete the partition's folder and run it again; report it as a bug."
        return CheckResult(False, text, True, counts, wrong)
    counted_in = f"{counted(rows_in, 'row')} of {counted(manifest.counts.files, 'file')}"
    return CheckResult(True, f"All accounted for: {counted_in}.", facts=counts)


def schema_drift(partition: Partition) -> CheckResult:
    """Look for files whose schema differs from ours, and for those whose schema is no longer compatible."""
    drifted = [
        {"file": mask_key(entry.key), "fault": ", ".join(entry.drift)} for entry in partition.files if entry.drift
    ]
    broken = [
        {"file": mask_key(entry.key), "fault": str(entry.detail)}
        for entry in partition.files
        if entry.reason == FileReason.SCHEMA_INCOMPATIBLE
    ]
    facts = {"files_with_another_schema": len(drifted), "files_that_no_longer_fit": len(broken)}
    if broken:
        remedy = _sentence(REMEDIES[FileReason.SCHEMA_INCOMPATIBLE])
        return CheckResult(False, f"The exporting app changed its schema. {remedy}", True, facts, broken + drifted)
    if drifted:
        text = "The exporting app's schema differs from the record type's. The files were read; decide if it matters."
        return CheckResult(False, text, False, facts, drifted)
    return CheckResult(True, "Every file has the expected schema.", facts=facts)


def completeness(partition: Partition) -> CheckResult:
    """Compare the share of filled cells with its minimum, column by column.

    Most columns are never empty, so a mean over all of them would hardly show one that an app no longer writes.
    """
    manifest = partition.manifest
    measurements = manifest.measurement_rows + sum(e.rejected_measurements for e in partition.files) if manifest else 0
    if manifest is None or not measurements:
        return CheckResult(True, "No file could be scored.")
    filled = {name: 1 - empty / measurements for name, empty in _empty_cells(partition).items()}
    poor = {name: share for name, share in sorted(filled.items()) if share < MIN_COMPLETENESS}
    facts = {"least_filled": round(min(filled.values()), 4), "minimum": MIN_COMPLETENESS}
    if poor:
        text = "Expected columns have empty cells. Check which app exported them and whether it may read these fields."
        return CheckResult(
            False, text, facts=facts, rows=[{"column": n, "filled": f"{s:.1%}"} for n, s in poor.items()]
        )
    return CheckResult(True, f"Every expected column is filled to {min(filled.values()):.1%} or more.", facts=facts)


def physiological(partition: Partition) -> CheckResult:
    """Count measurements outside their physiological range, or probably in another unit."""
    what = "outside their physiological range, or in a unit that looks wrong"
    return _check_faults(partition, {RowReason.OUT_OF_RANGE, RowReason.UNIT_SUSPECT}, what)


def temporal(partition: Partition) -> CheckResult:
    """Count measurements with impossible times."""
    return _check_faults(partition, temporal_reasons(partition.record_type), "with an impossible time")


def quality(partition: Partition) -> CheckResult:
    """Compare every file's score with the threshold; files below it were quarantined as a whole."""
    scored = [(entry.quality.score, entry.rows_in) for entry in partition.files if entry.quality]
    if not scored:
        return CheckResult(True, "No file could be scored.")
    mean = sum(score * rows for score, rows in scored) / sum(rows for _, rows in scored)
    low = [
        {"file": mask_key(entry.key), "fault": str(entry.detail)}
        for entry in partition.files
        if entry.reason == FileReason.LOW_QUALITY
    ]
    lowest = min(score for score, _ in scored)
    facts = {"mean_score": round(mean, 4), "lowest_score": lowest, "threshold": partition.rules.threshold}
    if low:
        text = f"{counted(len(low), 'file')} scored too low. {_sentence(REMEDIES[FileReason.LOW_QUALITY])}"
        return CheckResult(False, text, True, facts, low)
    return CheckResult(True, f"The mean score is {mean:.2f}; no file is below the threshold.", facts=facts)


def refused_files(partition: Partition) -> CheckResult:
    """List the files that were refused as a whole, with reason and remedy."""
    refused = [
        {
            "file": mask_key(entry.key),
            "fault": f"{entry.reason}: {entry.detail}",
            "remedy": str(remedy(entry.reason, entry.faults)),
        }
        for entry in partition.files
        if entry.reason
    ]
    unexpected = sum(entry.reason == FileReason.UNEXPECTED for entry in partition.files)
    facts = {"files": len(partition.files), "refused_files": len(refused), "unexpected": unexpected}
    if refused:
        bug = f"The code failed on {counted(unexpected, 'file')}: report it as a bug. " if unexpected else ""
        text = f"{bug}Whole files were refused. Each row names the remedy; see docs/runbook.md for more."
        return CheckResult(False, text, True, facts, refused)
    return CheckResult(True, "No file was refused.", facts=facts)


def decisions(partition: Partition) -> CheckResult:
    """Look for decisions to release an upload that cannot be read, and so have no effect."""
    decided = [upload for upload in partition.uploads if upload.release is not None]
    unreadable = [
        {"file": mask_key(upload.info.key), "fault": "the latest decision about it cannot be read"}
        for upload in decided
        if upload.release is not None and releases.find(partition.lake, upload.release.key) is None
    ]
    facts = {"files_with_decisions": len(decided), "unreadable": len(unreadable)}
    if unreadable:
        text = "Decisions to release files cannot be read, and have no effect. Release these files again."
        return CheckResult(False, text, True, facts, unreadable)
    return CheckResult(True, "Every decision about a file can be read.", facts=facts)


def quarantine_rate(partition: Partition) -> CheckResult:
    """Compare the share of quarantined records with that of the preceding partitions."""
    rate = _rate([partition.manifest] if partition.manifest else [])
    records_before = sum(manifest.total()[0] for manifest in partition.history)
    before = _rate(partition.history) if records_before >= MIN_HISTORY_RECORDS else 0.0
    limit = RATE_FACTOR * before + RATE_MARGIN
    facts = {
        "rate": round(rate, 4),
        "rate_before": round(before, 4),
        "limit": round(limit, 4),
        "records_before": records_before,
    }
    if rate > limit:
        text = (
            "More records than usual are in quarantine. Find out which app or device they come from before it spreads."
        )
        return CheckResult(False, text, facts=facts)
    return CheckResult(True, f"{rate:.1%} of the records are in quarantine, {before:.1%} before.", facts=facts)


def freshness(partition: Partition) -> CheckResult:
    """Tell whether the partition was made from what is in raw/ now."""
    accounted = {entry.key: entry.version for entry in partition.files}
    listed = {upload.info.key: upload.version for upload in partition.uploads}
    waiting = [key for key, version in listed.items() if accounted.get(key) != version]
    gone = [key for key in accounted if key not in listed]
    facts = {"files_waiting": len(waiting), "files_gone": len(gone)}
    is_current = records_partition.is_current(
        partition.manifest, partition.uploads, partition.record_type, partition.rules
    )
    if is_current or not (partition.manifest or listed):
        return CheckResult(True, "Up to date with raw/.", facts=facts)
    return CheckResult(
        False, "raw/, the code or the quality rules have changed since. Materialise the partition.", facts=facts
    )


CHECKS: tuple[Check[Partition], ...] = (
    Check("accounting", "Rows in = accepted + duplicate + quarantined, recounted from the tables.", accounting, True),
    Check("refused_files", "No file was refused as a whole.", refused_files),
    Check("decisions", "Every decision to release a file can be read.", decisions),
    Check("schema_drift", "Files have the expected schema.", schema_drift),
    Check("completeness", f"Every expected column is filled to at least {MIN_COMPLETENESS:.0%}.", completeness),
    Check("physiological", "Values are within their physiological range.", physiological),
    Check("temporal", "Times are plausible and consistent within each record.", temporal),
    Check("quality", "Every file reaches the quality threshold.", quality),
    Check(
        "quarantine_rate",
        f"The share of quarantined records is at most {RATE_FACTOR:g} times that of the previous "
        f"{HISTORY_PARTITIONS} partitions plus {RATE_MARGIN:.0%}.",
        quarantine_rate,
    ),
    Check("freshness", "The partition is up to date with raw/.", freshness),
)


def _empty_cells(partition: Partition) -> Counter[str]:
    """Count empty cells by expected column, in accepted rows and in rows rejected for them."""
    expected = [column for column in partition.record_type.columns if column.expected]
    empty = Counter({column.name: 0 for column in expected})
    if partition.table is not None:
        empty.update({c.name: partition.table[c.name].null_count for c in expected if c.nullable})
    for entry in partition.files:
        for fault, count in entry.faults.items():
            column, _, reason = fault.rpartition(":")
            if reason == RowReason.MISSING_VALUE:
                empty[column] += count
    return empty


def _records_by_file(table: pa.Table | None) -> dict[str, set[int]]:
    """Return the record numbers in a table by source file; empty if the table is gone or damaged."""
    if table is None:
        return {}
    pairs = table.group_by(list(_ORIGIN)).aggregate([])
    listed = pairs.group_by("source_key").aggregate([("source_record_number", "list")])
    names, numbers = listed["source_key"].to_pylist(), listed["source_record_number_list"].to_pylist()
    return {name: set(found) for name, found in zip(names, numbers, strict=True)}


def _read_columns(lake: Lake, key: str, columns: Sequence[str]) -> pa.Table | None:
    """Return these columns of a table; None if it is gone or damaged, which the accounting check reports."""
    try:
        return read_table(lake, key, columns=columns)
    except (ObjectNotFoundError, DamagedTableError):
        return None


def _check_faults(partition: Partition, reasons: Iterable[str], what: str) -> CheckResult:
    wanted = {str(reason) for reason in reasons}
    counts: Counter[str] = Counter()
    for entry in partition.files:
        counts.update({f: n for f, n in entry.faults.items() if f.rpartition(":")[2] in wanted})
    total = sum(counts.values())
    if not total:
        return CheckResult(True, f"No measurement {what}.", facts={"measurements": 0})
    rows = [
        {"fault": fault, "measurements": str(count), "remedy": row_remedy(fault)}
        for fault, count in sorted(counts.items())
    ]
    text = f"{counted(total, 'measurement')} {what}: quarantined, and not used in any insight."
    return CheckResult(False, text, facts={"measurements": total}, rows=rows)


def _rate(manifests: Iterable[RecordsManifest]) -> float:
    totals = [manifest.total() for manifest in manifests]
    rows_in = sum(total[0] for total in totals)
    return sum(total[3] for total in totals) / rows_in if rows_in else 0.0


def _sentence(remedy: str) -> str:
    return remedy[0].upper() + remedy[1:] + "."
