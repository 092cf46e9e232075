"""Names in the lake: raw keys and where outputs lie. Reads and writes nothing."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from health_etl.record_types import by_avro_name
from health_etl.record_types.base import RecordType

RAW = "raw/"
UTC_OFFSETS = "utc_offsets"  # the offsets that records of every type state
DAILY_JOURNAL = "daily_journal"  # the insights that relate the types of a day
RELEASED = "quarantine/released/"
RELEASE_SUFFIX = ".release.json"
_PARTS = 6  # raw / type / year / month / day / name

# {user}_{YYYYMMDD}_{HHMMSS}_{device}_{hash}.avro; the greedy user leaves the rightmost date and time to the rest.
_STAMPED = re.compile(r"^(?P<user>.+)_(?P<day>\d{8})_(?P<time>\d{6})_(?P<device>.+)_(?P<hash>[0-9a-fA-F]{6,64})\.avro$")
# {user}_{epoch}_{hash}.avro, epoch in seconds or milliseconds
_EPOCH = re.compile(r"^(?P<user>.+)_(?P<epoch>\d{10}|\d{13})_(?P<hash>[0-9a-fA-F]{6,64})\.avro$")
_MILLISECONDS_DIGITS = 13
# Names of the first form with a time of day that exists and a device without underscores: nearly all there are.
_PLAIN = re.compile(
    r"[^/\n]+_(\d{8})_(?:[01]\d|2[0-3])[0-5]\d[0-5]\d_[^/_\n]+_[0-9a-fA-F]{6,64}\.avro", re.ASCII
).fullmatch

USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}\Z")


class KeyRefusedError(ValueError):
    """A raw key does not parse; the text says why."""


@dataclass(frozen=True)
class RawKey:
    """What the key of an upload says."""

    key: str
    type_folder: str
    upload_date: date
    user_id: str
    exported_utc: datetime
    device: str | None
    content_hash: str

    @property
    def record_type(self) -> RecordType | None:
        """The type that the folder names, in any case; None when no such type is known."""
        return by_avro_name().get(self.type_folder.lower())


def parse_raw_key(key: str) -> RawKey:
    """Read a raw key from the right, so that user ids may hold underscores.

    Raises KeyRefusedError with the reason.
    """
    parts = key.split("/")
    if len(parts) != _PARTS:
        raise KeyRefusedError("the key is not raw/{RecordType}/{YYYY}/{MM}/{DD}/{name}.avro")
    _, type_folder, year, month, day, name = parts
    upload_date = _folder_date(year, month, day)
    groups = _name_parts(name)
    return RawKey(
        key=key,
        type_folder=type_folder,
        upload_date=upload_date,
        user_id=groups["user"],
        exported_utc=_exported(groups),
        device=groups.get("device"),
        content_hash=groups["hash"].lower(),
    )


def is_upload_name(name: str) -> bool:
    """Say whether a key that ends in this name parses, if its folder does.

    A tick looks at hundred thousand names and wants no more of them, so most are known at a glance.
    """
    match = _PLAIN(name)
    if match is not None and _is_day(match[1]):
        return True
    try:
        _exported(_name_parts(name))
    except KeyRefusedError:
        return False
    return "/" not in name  # else it is a folder's and a name


def _name_parts(name: str) -> dict[str, str]:
    match = _STAMPED.match(name) or _EPOCH.match(name)
    if match is None:
        raise KeyRefusedError(
            "the name is neither {user}_{YYYYMMDD}_{HHMMSS}_{device}_{hash}.avro nor {user}_{epoch}_{hash}.avro"
        )
    return match.groupdict()


@lru_cache(maxsize=1024)
def _is_day(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def _folder_date(year: str, month: str, day: str) -> date:
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", f"{year}-{month}-{day}"):
            raise ValueError
        return date(int(year), int(month), int(day))
    except ValueError:
        raise KeyRefusedError(f"{year}/{month}/{day} is no date of the form YYYY/MM/DD") from None


def _exported(groups: dict[str, str]) -> datetime:
    try:
        if "epoch" in groups:
            scale = 1000 if len(groups["epoch"]) == _MILLISECONDS_DIGITS else 1
            return datetime.fromtimestamp(int(groups["epoch"]) / scale, tz=UTC)
        day, moment = groups["day"], groups["time"]
        # Not strptime: a sensor reads hundred thousand keys in a tick, and this takes a tenth of the time.
        parts = (day[:4], day[4:6], day[6:], moment[:2], moment[2:4], moment[4:])
        year, month, number, hour, minute, second = map(int, parts)
        return datetime(year, month, number, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise KeyRefusedError("the export time in the name is no time") from None


def raw_key(avro_name: str, upload_date: date, user_id: str, exported_utc: datetime, device: str, digest: str) -> str:
    """Return the key under which an export is filed; digest is the SHA-256 of its bytes in hex."""
    name = f"{user_id}_{exported_utc:%Y%m%d_%H%M%S}_{device}_{digest[:8]}.avro"
    return f"{day_folder(RAW, avro_name, upload_date)}{name}"


def day_folder(root: str, type_folder: str, upload_date: date) -> str:
    """Return `{root}{type}/{YYYY}/{MM}/{DD}/`."""
    return f"{root}{type_folder}/{upload_date:%Y/%m/%d}/"


def quarantine_key(source_key: str) -> str:
    """Return where the copy of a refused upload lies."""
    return "quarantine/" + source_key.removeprefix(RAW)


def release_key(source_key: str, decided_utc: datetime) -> str:
    """Return where a decision of that moment lies that an upload be run again; later ones sort behind it."""
    return f"{RELEASED}{source_key.removeprefix(RAW)}.{decided_utc:%Y%m%dT%H%M%S_%f}{RELEASE_SUFFIX}"


def release_folder(source_key: str) -> str:
    """Return the folder in which the decisions about an upload lie, among those of its neighbours."""
    return f"{RELEASED}{source_key.removeprefix(RAW).rpartition('/')[0]}/"


def release_source_key(key: str) -> str:
    """Return the upload that a decision under this key is about."""
    return RAW + key.removeprefix(RELEASED).removesuffix(RELEASE_SUFFIX).rpartition(".")[0]


def unclaimed_key(source_key: str) -> str:
    """Return where the copy of an object lies that no partition claims: a folder of their own, since they may be
    named as anything, also as what a partition keeps in quarantine.
    """
    return "quarantine/unclaimed/" + source_key.removeprefix(RAW)


def mask_key(source_key: str, stand_in: str = "…") -> str:
    """Return a raw key with the user id replaced, fit for events, metadata and training data.

    Of a key that does not parse only what cannot name a person is kept, and a fingerprint to find it by.
    """
    folder, _, name = source_key.rpartition("/")
    match = _STAMPED.match(name) or _EPOCH.match(name)
    if not _is_partition(folder):
        return f"{RAW}… (key {hashlib.sha256(source_key.encode()).hexdigest()[:8]})"
    return f"{folder}/{stand_in}{name[match.end('user') :] if match else ''}"


def _is_partition(folder: str) -> bool:
    """Say whether a folder is that of a known record type and a date."""
    parts = folder.split("/")
    known = len(parts) == _PARTS - 1 and parts[1].lower() in by_avro_name()
    return known and all(part.isdigit() for part in parts[2:])


def records_key(record_type: str, partition: str) -> str:
    """Return the key of a records partition."""
    return f"records/{record_type}/{partition}.parquet"


def rejected_key(avro_name: str, partition: str) -> str:
    """Return the key of the rows of a partition that validation rejected."""
    year, month, day = partition.split("-")
    return f"quarantine/{avro_name}/{year}/{month}/{day}/rejected_rows.parquet"


def insights_key(record_type: str, partition: str) -> str:
    """Return the key of an insights partition."""
    return f"insights/{record_type}/{partition}.parquet"


def manifest_key(table_key: str) -> str:
    """Return the key of the manifest that belongs to a table."""
    return table_key.removesuffix(".parquet") + ".manifest.json"


def journal_key(domain: str, month: str) -> str:
    """Return the key of a month (YYYY-MM) of the health journal."""
    year, number = month.split("-")
    return f"training/{domain}/{year}/{number}/health_journal_{year}_{number}.jsonl"


def journal_manifest_key(domain: str, month: str) -> str:
    """Return the key of the manifest beside a month of the health journal."""
    return journal_key(domain, month).rpartition("/")[0] + "/manifest.json"
