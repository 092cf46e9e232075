"""Manifests: what each partition was made from and what became of every row. How they are written is in commits.py.

They contain no timestamp and no run id: the same inputs give the same bytes. A manifest that cannot be read matches no
inputs, so that its partition, and no other, is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from health_etl.lake import keys
from health_etl.record_types import record_types

UNFINISHED = "unfinished"  # takes the place of a version or digest and matches none
DIGEST_BATCH_SIZE = 500  # uploads


_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)  # of something that is no manifest


class DamagedManifestError(ValueError):
    """What is stored is no manifest."""


class AccountingError(AssertionError):
    """Rows in and rows out do not add up: a bug in this project, never in the data."""


@dataclass(frozen=True)
class Quality:
    """The four parts of a file's quality score, each from 0 to 1."""

    schema: float
    completeness: float
    physiological: float
    temporal: float
    score: float


@dataclass(frozen=True)
class FileEntry:
    """One source file and what became of its records; rows are Avro records.

    `reason` says why the whole file was refused. All of its rows are then quarantined, if they could be counted.
    """

    key: str
    etag: str
    size_bytes: int
    rows_in: int
    accepted: int
    duplicate: int
    quarantined: int
    reason: str | None = None
    detail: str | None = None
    drift: tuple[str, ...] = ()  # how the writer's schema differs from ours
    quality: Quality | None = None
    rejected_measurements: int = 0  # rows that validation rejected, including those of accepted records
    faults: Mapping[str, int] = field(default_factory=dict)  # number of measurement rows by "column:reason"
    release_etag: str | None = None  # ETag of the decision to release it, if any

    def check(self) -> None:
        """Raise AccountingError unless every row is accounted for."""
        if self.rows_in != self.accepted + self.duplicate + self.quarantined or min(self.counts) < 0:
            raise AccountingError(
                f"{self.rows_in} rows in, but {self.accepted} accepted, {self.duplicate} duplicate and "
                f"{self.quarantined} quarantined"
            )

    @property
    def version(self) -> tuple[str, str | None]:
        """The version that was read: the ETags of the upload and of the decision about it."""
        return self.etag, self.release_etag

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Rows in, accepted, duplicate, quarantined."""
        return self.rows_in, self.accepted, self.duplicate, self.quarantined


@dataclass(frozen=True)
class Counts:
    """What the files of a partition come to; rows are Avro records."""

    files: int = 0
    rows_in: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    refused: int = 0  # files that were refused whole
    noted: int = 0  # files that were refused, have rejected rows, or were released

    @classmethod
    def of(cls, files: Sequence[FileEntry]) -> Counts:
        """Return the sums over these files."""
        rows_in, accepted, duplicate, quarantined = (sum(file.counts[place] for file in files) for place in range(4))
        refused = sum(file.reason is not None for file in files)
        noted = sum(bool(file.reason or file.rejected_measurements or file.release_etag) for file in files)
        return cls(len(files), rows_in, accepted, duplicate, quarantined, refused, noted)


@dataclass(frozen=True)
class RecordsManifest:
    """Manifest of one records partition. The accounts of its files are in a table of their own (accounts.py)."""

    record_type: str
    partition: str
    code_version: str
    counts: Counts
    uploads_digest: str  # of the uploads, and the decisions about them, that the partition accounts for
    digest: str  # data version of the partition: what everything downstream depends on
    accounts_sha256: str
    measurement_rows: int
    rejected_rows: int
    table_sha256: str
    rejected_sha256: str | None
    utc_dates: tuple[str, ...]  # UTC dates that the measurements fall on
    unzoned: bool  # some rows state no offset, or a Z that may be wrong
    quality_rules: str = ""  # weights and threshold used to score the files

    @property
    def table_key(self) -> str:
        """The key of the table of accepted rows."""
        return keys.table_key(self._folder, self.table_sha256)

    @property
    def accounts_key(self) -> str:
        """The key of the table of accounts."""
        return keys.table_key(self._folder + keys.ACCOUNTS, self.accounts_sha256)

    @property
    def rejected_key(self) -> str | None:
        """The key of the table of rejected rows, if there are any."""
        if self.rejected_sha256 is None:
            return None
        avro_name = record_types()[self.record_type].avro_name
        return keys.table_key(keys.rejected_prefix(avro_name, self.partition), self.rejected_sha256)

    @property
    def _folder(self) -> str:
        return keys.records_folder(self.record_type, self.partition)

    def total(self) -> tuple[int, int, int, int]:
        """Return rows in, accepted, duplicate and quarantined, summed over all files."""
        return self.counts.rows_in, self.counts.accepted, self.counts.duplicate, self.counts.quarantined

    def to_json(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(asdict(self))

    @classmethod
    def from_json(cls, content: bytes) -> RecordsManifest:
        """Read a manifest back; raises DamagedManifestError."""
        try:
            raw = json.loads(content)
            return cls(**{**raw, "counts": Counts(**raw["counts"]), "utc_dates": tuple(raw["utc_dates"])})
        except _DAMAGE as error:
            raise DamagedManifestError from error

    @classmethod
    def empty(cls, record_type: str, partition: str, code_version: str, quality_rules: str = "") -> RecordsManifest:
        """Return the manifest of a partition without uploads; it is never written."""
        uploads, whole = versions_digest({}), data_version("", ())
        return cls(
            record_type, partition, code_version, Counts(), uploads, whole, "", 0, 0, "", None, (), False, quality_rules
        )

    @classmethod
    def unfinished(cls, record_type: str, partition: str) -> RecordsManifest:
        """Return a manifest that accounts for nothing and matches no inputs."""
        return cls.empty(record_type, partition, UNFINISHED)


@dataclass(frozen=True)
class DerivedManifest:
    """Manifest of a partition derived from other partitions (offsets, insights, journal months)."""

    name: str
    partition: str
    inputs_digest: str
    output_sha256: str
    rows: int
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def table_key(self) -> str:
        """The key of the table, of offsets or insights."""
        folder = keys.records_folder if self.name == keys.UTC_OFFSETS else keys.insights_folder
        return keys.table_key(folder(self.name, self.partition), self.output_sha256)

    @property
    def digest(self) -> str:
        """Data version of the partition."""
        return self.output_sha256

    def to_json(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(asdict(self))

    @classmethod
    def from_json(cls, content: bytes) -> DerivedManifest:
        """Read a manifest back; raises DamagedManifestError."""
        try:
            return cls(**json.loads(content))
        except _DAMAGE as error:
            raise DamagedManifestError from error

    @classmethod
    def unfinished(cls, name: str, partition: str) -> DerivedManifest:
        """Return a manifest that matches no inputs and describes no days."""
        return cls(name, partition, UNFINISHED, "", 0, {"local_dates": (), "local_months": ()})


def canonical_json(value: Any) -> bytes:
    """Return JSON with sorted keys and a final newline: equal values give equal bytes."""
    # A key may hold bytes that are not UTF-8, which Python reads as surrogates: they are written as JSON's \udcXX.
    return (json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1) + "\n").encode(errors="backslashreplace")


def digest(parts: Iterable[str]) -> str:
    """Return one SHA-256 over a sequence of strings."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode())
        whole.update(b"\0")
    return whole.hexdigest()


def versions_digest(versions: Mapping[str, tuple[str, str | None]]) -> str:
    """Return the data version of uploads: one digest over their keys, ETags and the ETags of the decisions on them."""
    whole = VersionsDigest()
    for key, (etag, release) in sorted(versions.items()):
        whole.add(key, etag, release)
    return whole.hexdigest()


class OutOfOrderError(ValueError):
    """A key came after one that sorts later."""


class VersionsDigest:
    """Computes `versions_digest` of uploads that arrive in key order, with only a batch of them in memory."""

    def __init__(self) -> None:
        self._whole = hashlib.sha256()
        self._pending: list[str] = []
        self._last = ""

    def add(self, key: str, etag: str, release: str | None) -> None:
        """Add one upload: its key, its ETag and that of the decision about it. Raises OutOfOrderError."""
        if key < self._last:
            raise OutOfOrderError
        self._last = key
        self._pending.append(f"{key} {etag} {release or ''}\0")
        if len(self._pending) == DIGEST_BATCH_SIZE:
            self._flush()

    def hexdigest(self) -> str:
        """Return the digest of all uploads added so far."""
        self._flush()
        return self._whole.hexdigest()

    def _flush(self) -> None:
        self._whole.update("".join(self._pending).encode())
        self._pending.clear()


def data_version(table_sha256: str, files: Iterable[FileEntry]) -> str:
    """Return the data version of a records partition: of its accepted rows, and of the quality of their files."""
    lines = sorted(f"{file.key} {file.quality.score!r}" for file in files if file.quality and file.accepted)
    return digest([table_sha256, *lines])
