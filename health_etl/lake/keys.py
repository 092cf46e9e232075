"""Keys in the lake: the grammar of raw keys and the location of every output. Performs no I/O."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from health_etl.record_types import by_avro_name
from health_etl.record_types.base import RecordType

RAW = "raw/"
RECORDS = "records/"
INSIGHTS = "insights/"
TRAINING = "training/"
UTC_OFFSETS = "utc_offsets"  # the offsets stated by records of every type
DAILY_JOURNAL = "daily_journal"  # the insights across the record types of a day
QUARANTINE = "quarantine/"
RELEASED = "quarantine/released/"
UNCLAIMED = "quarantine/unclaimed/"
RELEASE_SUFFIX = ".release.json"
REJECTED_ROWS = "rejected_rows-"
ACCOUNTS = "files-"
MANIFEST_SUFFIX = ".manifest.json"
METADATA_SUFFIX = ".metadata.json"  # of what is said about an object in quarantine
NUMBER_DIGITS = 6  # so that names sort; a larger number has more
CONTENT_DIGITS = 32  # of a table's SHA-256, in its name
_MANIFEST = re.compile(rf"([0-9]{{{NUMBER_DIGITS},}}){re.escape(MANIFEST_SUFFIX)}", re.ASCII)
_PARTS = 6  # raw / type / year / month / day / name

# {user}_{YYYYMMDD}_{HHMMSS}_{device}_{hash}.avro; `user` is greedy, so the rightmost date and time are the stamp.
_STAMPED = re.compile(
    r"(?P<user>.+)_(?P<day>\d{8})_(?P<time>\d{6})_(?P<device>.+)_(?P<hash>[0-9a-fA-F]{6,64})\.avro\Z", re.ASCII
)
# {user}_{epoch}_{hash}.avro, epoch in seconds or milliseconds
_EPOCH = re.compile(r"(?P<user>.+)_(?P<epoch>\d{10}|\d{13})_(?P<hash>[0-9a-fA-F]{6,64})\.avro\Z", re.ASCII)
_MILLISECONDS_DIGITS = 13
HASH_DIGITS = 8  # in the names that we give; 6 to 64 are read
# A fast path for nearly all names: the first form, a valid time of day and a device without underscores.
_PLAIN = re.compile(
    r"[^/\n]+_(\d{8})_(?:[01]\d|2[0-3])[0-5]\d[0-5]\d_[^/_\n]+_[0-9a-fA-F]{6,64}\.avro", re.ASCII
).fullmatch

# Names in quarantine, `{stem}-{hash}.avro`: on S3 an object's own name may leave no room for anything behind it.
STEM_CHARACTERS = 100
KEY_HASH_DIGITS = 32
FINGERPRINT_DIGITS = 12  # the first of the hash
_HASHED = re.compile(r"-([0-9a-f]{32})\Z")
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+-]+")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")

USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}\Z")


class KeyRefusedError(ValueError):
    """A raw key does not parse; the message says why."""


@dataclass(frozen=True)
class RawKey:
    """The parts of an upload's key."""

    key: str
    type_folder: str
    upload_date: date
    user_id: str
    exported_utc: datetime
    device: str | None
    content_hash: str

    @property
    def record_type(self) -> RecordType | None:
        """The record type named by the folder, in any case; None for an unknown type."""
        return by_avro_name().get(self.type_folder.lower())


def parse_raw_key(key: str) -> RawKey:
    """Parse a raw key, from the right so that user ids may contain underscores.

    Raises KeyRefusedError with the reason.
    """
    parts = key.split("/")
    if len(parts) != _PARTS or f"{parts[0]}/" != RAW:
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
    """Tell whether a key that ends in this name parses, given that its folder does.

    A sensor tick may check a hundred thousand names and needs nothing else from them, hence the fast path.
    """
    match = _PLAIN(name)
    if match is not None and _is_day(match[1]):
        return True
    try:
        _exported(_name_parts(name))
    except KeyRefusedError:
        return False
    return "/" not in name  # otherwise it includes a folder


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


def is_date(text: str) -> bool:
    """Tell whether this is a date as YYYY-MM-DD and as nothing else, in ASCII digits."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_month(text: str) -> bool:
    """Tell whether this is a month as YYYY-MM and as nothing else, in ASCII digits."""
    return is_date(f"{text}-01")


@lru_cache(maxsize=1024)
def _folder_date(year: str, month: str, day: str) -> date:
    text = f"{year}-{month}-{day}"
    if is_date(text) and len(year) == len("YYYY"):  # or a folder might have a name like 2025-09
        return date.fromisoformat(text)
    raise KeyRefusedError("the folders below that of the type are not a date of the form YYYY/MM/DD")


def _exported(groups: dict[str, str]) -> datetime:
    try:
        if "epoch" in groups:
            scale = 1000 if len(groups["epoch"]) == _MILLISECONDS_DIGITS else 1
            return datetime.fromtimestamp(int(groups["epoch"]) / scale, tz=UTC)
        day, moment = groups["day"], groups["time"]
        # Not strptime: a sensor tick may read a hundred thousand keys, and this takes a tenth of the time.
        parts = (day[:4], day[4:6], day[6:], moment[:2], moment[2:4], moment[4:])
        year, month, number, hour, minute, second = map(int, parts)
        return datetime(year, month, number, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise KeyRefusedError("the export time in the name is not a valid time") from None


def raw_key(
    avro_name: str,
    upload_date: date,
    user_id: str,
    exported_utc: datetime,
    device: str,
    digest: str,
    hash_digits: int = HASH_DIGITS,
) -> str:
    """Return the raw key of an export, with the first digits of `digest`, the SHA-256 of its bytes in hex."""
    name = f"{user_id}_{exported_utc:%Y%m%d_%H%M%S}_{device}_{digest[:hash_digits]}.avro"
    return f"{day_folder(RAW, avro_name, upload_date)}{name}"


def day_folder(root: str, type_folder: str, upload_date: date) -> str:
    """Return `{root}{type}/{YYYY}/{MM}/{DD}/`."""
    return f"{root}{type_folder}/{upload_date.isoformat().replace('-', '/')}/"  # strftime pads no year before 1000


def quarantine_key(source_key: str) -> str:
    """Return the key of the copy of a refused upload."""
    return QUARANTINE + _folder(source_key).removeprefix(RAW) + _bounded_name(source_key)


def unclaimed_key(source_key: str) -> str:
    """Return the key of the copy of an object that belongs to no partition.

    These copies share a folder of their own, whatever folder the object is in: its path may be as long as a key may be.
    """
    return UNCLAIMED + _bounded_name(source_key)


def release_key(source_key: str, decided_utc: datetime) -> str:
    """Return the key of a decision to release an upload; later decisions sort after earlier ones."""
    name = _readable_stem(source_key) + f"-{key_hash(source_key)}.{decided_utc:%Y%m%dT%H%M%S_%f}{RELEASE_SUFFIX}"
    return release_folder(source_key) + name


def release_folder(source_key: str) -> str:
    """Return the folder with the decisions about an upload and about the other uploads in its folder."""
    return RELEASED + _folder(source_key).removeprefix(RAW)


def released_hash(key: str) -> str:
    """Return the `key_hash` of the upload that a decision is about, given the key of the decision.

    Decisions were once named after the whole file name, `{name}.avro`; they are found as well.
    """
    source, _, _ = key.removeprefix(RELEASED).removesuffix(RELEASE_SUFFIX).rpartition(".")
    found = _HASHED.search(source)
    return found[1] if found else key_hash(RAW + source)


def release_time(key: str) -> str:
    """Return the time in the key of a decision, as text that sorts."""
    return key.removesuffix(RELEASE_SUFFIX).rpartition(".")[2]


def key_hash(source_key: str) -> str:
    """Return the hash that stands for a key in the names of what is kept about it."""
    return _sha256(source_key)[:KEY_HASH_DIGITS]


def fingerprint(source_key: str) -> str:
    """Return the name by which people refer to an object without naming anybody."""
    return f"upload-{_sha256(source_key)[:FINGERPRINT_DIGITS]}"


def mask_key(source_key: str) -> str:
    """Return what events, metadata and messages show instead of a key in raw/: type, upload date and fingerprint.

    Nothing else in a key is ours: users, devices, and the folders and names of objects that belong to no partition may
    say anything.
    """
    parts = source_key.split("/")
    try:
        _, type_folder, year, month, day, _ = parts
        avro_name = by_avro_name()[type_folder.lower()].avro_name
        folder = day_folder(RAW, avro_name, _folder_date(year, month, day))
    except (ValueError, KeyError):
        folder = f"{RAW}… "
    return folder + fingerprint(source_key)


def _folder(source_key: str) -> str:
    return source_key.rpartition("/")[0] + "/"


def _bounded_name(source_key: str) -> str:
    """Return the name of a copy: at most 150 bytes, whatever the object is called, and no other object's."""
    name = source_key.rpartition("/")[2]
    ending = _ENDING.search(name)
    return f"{_readable_stem(source_key)}-{key_hash(source_key)}{ending[0] if ending else ''}"


def _readable_stem(source_key: str) -> str:
    """Return as much of an object's name as people need to recognise it, in characters that any store accepts."""
    stem = _ENDING.sub("", source_key.rpartition("/")[2])
    return _UNSAFE.sub("-", stem)[:STEM_CHARACTERS]


def _sha256(key: str) -> str:
    # A folder may hold names that are not UTF-8; Python decodes them with surrogates, which the plain codec refuses.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def records_folder(record_type: str, partition: str) -> str:
    """Return the folder of a records partition."""
    return f"{RECORDS}{record_type}/{partition}/"


def insights_folder(name: str, partition: str) -> str:
    """Return the folder of an insights partition."""
    return f"{INSIGHTS}{name}/{partition}/"


def rejected_folder(avro_name: str, partition: str) -> str:
    """Return the folder of the rows that validation rejected in a partition, and of copies of its refused files."""
    year, month, day = partition.split("-")
    return f"{QUARANTINE}{avro_name}/{year}/{month}/{day}/"


def journal_folder(domain: str, month: str) -> str:
    """Return the folder of a month (YYYY-MM) of the health journal."""
    year, number = month.split("-")
    return f"{TRAINING}{domain}/{year}/{number}/"


def table_key(prefix: str, sha256: str) -> str:
    """Return the key of a table in a partition's folder; other bytes have another key, so no table ever changes."""
    return f"{prefix}{sha256[:CONTENT_DIGITS]}.parquet"


def rejected_prefix(avro_name: str, partition: str) -> str:
    """Return what the key of a table of rejected rows begins with; see `table_key`."""
    return rejected_folder(avro_name, partition) + REJECTED_ROWS


def journal_key(domain: str, month: str) -> str:
    """Return the key of a month (YYYY-MM) of the health journal: a fixed name, by which others read it."""
    year, number = month.split("-")
    return f"{journal_folder(domain, month)}health_journal_{year}_{number}.jsonl"


def manifest_key(folder: str, number: int) -> str:
    """Return the key of a partition's manifest with that number."""
    return f"{folder}{number:0{NUMBER_DIGITS}d}{MANIFEST_SUFFIX}"


def manifest_number(name: str) -> int | None:
    """Return the number in the name of a manifest; None for any other name."""
    found = _MANIFEST.fullmatch(name)
    return int(found[1]) if found else None
