"""One month of the health journal in one domain: a JSON Lines file and its manifest.

Where several uploads have insights on the same person, local day and type, the latest upload wins.

The file has a fixed name, since others read it. It is replaced as a whole: a reader who opens it gets one whole month.
Its manifest says which version of the file belongs to it. Where several writers, or one that was killed, leave another
version in its place, the month is out of date and made again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from health_etl.clinical import all_processors
from health_etl.insights.failed_people import FAILED_PEOPLE, FailedPerson, Stage
from health_etl.insights.partition import code_version
from health_etl.lake import commits, keys
from health_etl.lake.catalogue import Catalogue, read_derived
from health_etl.lake.commits import Head
from health_etl.lake.manifest import DerivedManifest, digest
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame
from health_etl.training.examples import columns, lines

CODE_VERSION = "3"
SUBJECTS_AT_ONCE = 500  # bounds memory by the batch, whatever the size of the month

FILE_ETAG = "file_etag"  # in the details of a manifest: the version of the file that it describes
_WHO_AND_WHEN = ["subject", "local_date"]


@dataclass(frozen=True)
class Month:
    """What a month of one domain is made from: by record type, its insights partitions in order, with their tables."""

    domain: str
    month: str
    partitions: Mapping[str, Mapping[str, str]]
    inputs_digest: str


def domains() -> list[str]:
    """Return every domain under which examples are filed."""
    return sorted({processor.domain for processor in all_processors().values()})


class WrittenMonths:
    """The journal as it was when this was made: the state of every month of every domain."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._heads: dict[str, Head] = {}  # by folder
        self._etags: dict[str, str] = {}  # by key
        for domain in domains():
            listed = [*lake.objects(f"{keys.TRAINING}{domain}/")]
            self._heads |= commits.heads_in("", listed)
            self._etags |= {info.key: info.etag for info in listed}

    @property
    def months(self) -> set[str]:
        """Every month (YYYY-MM) that was written."""
        found = {"-".join(folder.split("/")[-2:]) for folder in self._heads}
        return {*filter(keys.is_month, found)}

    def head(self, domain: str, month: str) -> Head:
        """Return the head of a month."""
        return self._heads.get(keys.journal_folder(domain, month).rstrip("/"), commits.NO_HEAD)

    def manifest(self, domain: str, month: str) -> DerivedManifest | None:
        """Return the manifest of a month; None if there is none, or none that can be read."""
        return read_derived(self._lake, keys.journal_folder(domain, month), self.head(domain, month))

    def is_current(self, month: Month) -> bool:
        """Tell whether a month was made from exactly these insights, and its file is the one that was made."""
        written = self.manifest(month.domain, month.month)
        if written is None:
            return not any(month.partitions.values())
        etag = self._etags.get(keys.journal_key(month.domain, month.month), "")
        return (written.inputs_digest, written.details.get(FILE_ETAG)) == (month.inputs_digest, etag)


def months(catalogue: Catalogue, written: WrittenMonths) -> list[str]:
    """Return every month (YYYY-MM) that has insights, or that was written before."""
    found = {
        month
        for name in all_processors()
        for manifest in catalogue.insights(name).values()
        for month in manifest.details["local_months"]
    }
    return sorted(found | written.months)


def plan(catalogue: Catalogue, month: str) -> list[Month]:
    """Return what each domain of a month is made from."""
    partitions: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    parts: dict[str, list[str]] = {domain: [CODE_VERSION, domain, month] for domain in domains()}
    for name, processor in all_processors().items():
        manifests = catalogue.insights(name)
        used = [p for p in manifests if month in manifests[p].details["local_months"]]
        partitions[processor.domain][name] = {p: manifests[p].table_key for p in used}
        parts[processor.domain].append(code_version(name))
        parts[processor.domain] += [f"{name} {p} {manifests[p].digest}" for p in used]
    return [Month(d, month, partitions[d], digest(parts[d])) for d in domains()]


def write(lake: Lake, month: Month, head: Head, subjects_at_once: int = SUBJECTS_AT_ONCE) -> DerivedManifest:
    """Write one month of one domain: the lines, then the manifest. A month without lines has no file.

    head: of the month before its insights were looked at. Raises LostRaceError if it has another by now.
    """
    key, etag = keys.journal_key(month.domain, month.month), ""
    with tempfile.TemporaryDirectory(prefix="health-etl-") as folder:
        path = Path(folder) / "journal.jsonl"
        failed: set[FailedPerson] = set()
        written = _write_lines(path, _examples(lake, month, subjects_at_once, failed))
        if written.lines:
            etag = lake.put_file(key, path)
        else:
            lake.delete([key])
    details = {
        "key": key,
        "lines_by_type": dict(sorted(written.by_type.items())),
        "code_versions": {name: f"{CODE_VERSION}.{code_version(name)}" for name in sorted(month.partitions)},
        "source_files": sorted(written.source_files),
        FAILED_PEOPLE: [asdict(person) for person in sorted(failed)],
        FILE_ETAG: etag,
    }
    manifest = DerivedManifest(month.domain, month.month, month.inputs_digest, written.sha256, written.lines, details)
    commits.commit(lake, keys.journal_folder(month.domain, month.month), head, manifest.to_json())
    return manifest


@dataclass
class _Written:
    lines: int
    by_type: dict[str, int]
    source_files: set[str]
    sha256: str


def _write_lines(path: Path, examples: Iterator[tuple[str, list[str], str]]) -> _Written:
    whole = hashlib.sha256()
    by_type: dict[str, int] = defaultdict(int)
    source_files: set[str] = set()
    with path.open("wb") as file:
        for record_type, used, line in examples:
            content = line.encode() + b"\n"
            file.write(content)
            whole.update(content)
            by_type[record_type] += 1
            source_files.update(used)
    return _Written(sum(by_type.values()), dict(by_type), source_files, whole.hexdigest())


def _examples(
    lake: Lake, month: Month, subjects_at_once: int, failed: set[FailedPerson]
) -> Iterator[tuple[str, list[str], str]]:
    """Yield (record type, source files, line), by subject, local date and record type.

    People of whom a day makes no line are added to `failed`.
    """
    winners = {name: _winners(lake, tables, month.month) for name, tables in month.partitions.items()}
    subjects = sorted({subject for frame in winners.values() for subject in frame["subject"].unique()})
    for start in range(0, len(subjects), subjects_at_once):
        people = subjects[start : start + subjects_at_once]
        batch = [
            example
            for name, frame in winners.items()
            for example in _of_type(
                lake, name, month.partitions[name], frame[frame["subject"].isin(people)], people, failed
            )
        ]
        for _, _, record_type, source_files, line in sorted(batch, key=lambda example: example[:3]):
            yield record_type, source_files, line


def _winners(lake: Lake, tables: Mapping[str, str], month: str) -> pd.DataFrame:
    """Return, for every subject and day of the month, the latest partition that has it."""
    frames = [
        read_frame(lake, key, columns=[*_WHO_AND_WHEN, "withdrawn"]).assign(partition=partition)
        for partition, key in tables.items()
    ]
    if not frames:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in (*_WHO_AND_WHEN, "partition")})
    rows = pd.concat(frames, ignore_index=True)
    rows = rows[rows["local_date"].str.startswith(month)]
    latest = rows.sort_values("partition", kind="stable").drop_duplicates(_WHO_AND_WHEN, keep="last")
    return latest.loc[~latest["withdrawn"], [*_WHO_AND_WHEN, "partition"]]


def _of_type(
    lake: Lake,
    record_type: str,
    tables: Mapping[str, str],
    winners: pd.DataFrame,
    people: list[str],
    failed: set[FailedPerson],
) -> Iterator[tuple[str, str, str, list[str], str]]:
    processor = all_processors()[record_type]
    version = f"{CODE_VERSION}.{code_version(record_type)}"
    for partition, wanted in winners.groupby("partition"):
        rows = read_frame(
            lake,
            tables[str(partition)],
            columns=list(columns(processor)),
            people=people,
            person_column="subject",
        )
        rows = rows.merge(wanted[_WHO_AND_WHEN], on=_WHO_AND_WHEN)
        texts = lines(rows, processor, version)
        for subject, day, source_files, of_levels in zip(
            rows["subject"], rows["local_date"], rows["source_files"], texts, strict=True
        ):
            if isinstance(of_levels, Exception):
                failed.add(FailedPerson(subject, Stage.PUBLISH, type(of_levels).__name__))
                continue
            for line in of_levels:
                yield subject, day, record_type, list(source_files), line
