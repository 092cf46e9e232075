"""Listing raw/: uploads by partition, and objects that belong to none, with the reason. Reads no upload."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from health_etl.errors import FolderHiddenError
from health_etl.lake.keys import (
    RAW,
    RELEASED,
    KeyRefusedError,
    RawKey,
    day_folder,
    is_date,
    is_month,
    is_upload_name,
    parse_raw_key,
)
from health_etl.lake.listed import Listed, ObjectInfo, Unaddressable
from health_etl.lake.manifest import OutOfOrderError, VersionsDigest
from health_etl.lake.store import Lake
from health_etl.reasons import FileReason
from health_etl.record_types.base import RecordType
from health_etl.uploads import releases

MAX_MONTH_OBJECTS = 2000  # a month with more is listed day by day; two pages of an S3 listing

ByDay = Mapping[str, Sequence[ObjectInfo]]  # objects by their day's folder


@dataclass(frozen=True)
class Upload:
    """One object in raw/ that belongs to a partition."""

    raw: RawKey
    info: ObjectInfo
    release: ObjectInfo | None = None  # a person's latest decision to run it again

    @property
    def version(self) -> tuple[str, str | None]:
        """The version that a partition accounts for: the ETags of the upload and of the decision about it."""
        return self.info.etag, self.release.etag if self.release else None


@dataclass(frozen=True)
class UploadsSummary:
    """The uploads of one partition in numbers; `digest` is their data version."""

    digest: str
    files: int
    size_bytes: int


@dataclass(frozen=True)
class Unclaimed:
    """One object in raw/ that belongs to no partition. One that is not addressable cannot be read; see `Unaddressable`
    for its key.
    """

    info: ObjectInfo
    reason: FileReason
    detail: str
    is_addressable: bool = True


@dataclass(frozen=True)
class Listing:
    """Everything under raw/ from `first` to `last`: uploads by (record type, upload date), and unclaimed objects.

    `hidden` are folders that could not be looked into: what uploads they hold is unknown.
    """

    first: date
    last: date
    uploads: Mapping[tuple[str, date], tuple[Upload, ...]]
    unclaimed: tuple[Unclaimed, ...]
    hidden: tuple[str, ...] = ()

    def is_known(self, record_type: RecordType, upload_date: date) -> bool:
        """Tell whether all uploads of a partition were seen."""
        folder = day_folder(RAW, record_type.avro_name, upload_date).lower()
        return not any(folder.startswith(f"{hidden.lower()}/") for hidden in self.hidden)


def list_all(lake: Lake, start_date: date, last_date: date) -> Listing:
    """List the whole of raw/."""
    return sort_uploads(lake.everything(RAW), start_date, last_date, releases.latest(lake))


def list_dates(lake: Lake, types: Iterable[RecordType], dates: Sequence[date]) -> Listing:
    """List the uploads of these types on these dates, in ascending order. Unclaimed objects: see `list_all`."""
    uploads: dict[tuple[str, date], tuple[Upload, ...]] = {}
    for record_type in types:
        listing = TypeListing(lake, record_type, dates)
        found = {(record_type.name, day): listing.uploads(day) for day in dates}
        uploads |= {partition: listed for partition, listed in found.items() if listed}
    return Listing(dates[0], dates[-1], uploads, ())


class TypeListing:
    """Lists the uploads of one record type by date. Objects whose keys do not parse are left out: see `list_all`.

    The type's folders, in whatever case, are looked up once. `dates` are those that will be listed: several dates of
    a month with few objects take a single listing.
    """

    def __init__(
        self,
        lake: Lake,
        record_type: RecordType,
        dates: Iterable[date] = (),
        max_month_objects: int = MAX_MONTH_OBJECTS,
    ) -> None:
        self._lake = lake
        self._max_month_objects = max_month_objects
        self._dates_of_month = Counter(day.isoformat()[:7] for day in set(dates))
        self._months: dict[str, tuple[str, ByDay | None]] = {}  # by folder: the month listed last, and its objects
        self._raw = _folders_of(lake, RAW, record_type)
        self._released = _folders_of(lake, RELEASED, record_type)

    def uploads(self, upload_date: date) -> tuple[Upload, ...]:
        """Return the uploads of a date, sorted by key."""
        return tuple(sorted(self._uploads(upload_date), key=lambda upload: upload.info.key))

    def summarize(self, upload_date: date) -> UploadsSummary:
        """Summarize the uploads of a date. A bucket lists in key order, so its uploads are not held in memory."""
        try:
            return _summarize(self._objects(upload_date))
        except OutOfOrderError:  # a local folder lists in any order
            return _summarize(sorted(self._objects(upload_date), key=lambda found: found[0].key))

    def months(self) -> list[str]:
        """Return the months (YYYY-MM) that have a folder, in order; other folders are ignored."""
        found = {
            f"{year}-{month}"
            for folder in self._raw
            for year in self._folders(f"{RAW}{folder}/")
            if is_month(f"{year}-01")
            for month in self._folders(f"{RAW}{folder}/{year}/")
        }
        return sorted(filter(is_month, found))

    def dates(self, month: str) -> list[str]:
        """Return the dates (YYYY-MM-DD) of a month that have a folder, in order; other folders are ignored."""
        year, number = month.split("-")
        days = {day for folder in self._raw for day in self._folders(f"{RAW}{folder}/{year}/{number}/")}
        return sorted(found for day in days if is_date(found := f"{month}-{day}"))

    def _folders(self, prefix: str) -> list[str]:
        """Return the folders there; none where this account may not look, which `list_all` reports."""
        try:
            return self._lake.folders(prefix)
        except FolderHiddenError:
            return []

    def _uploads(self, upload_date: date) -> Iterator[Upload]:
        for info, release in self._objects(upload_date):
            yield Upload(parse_raw_key(info.key), info, release)

    def _objects(self, upload_date: date) -> Iterator[tuple[ObjectInfo, ObjectInfo | None]]:
        """Yield the objects of a date whose keys parse, each with the latest decision about it."""
        released: dict[str, ObjectInfo] = {}
        for folder in self._released:
            released |= releases.latest(self._lake, day_folder(RELEASED, folder, upload_date))
        for folder in self._raw:
            prefix = day_folder(RAW, folder, upload_date)
            for info in self._list_objects(folder, prefix, upload_date):
                if is_upload_name(info.key[len(prefix) :]):
                    yield info, releases.of_upload(released, info.key)

    def _list_objects(self, folder: str, prefix: str, upload_date: date) -> Iterable[ObjectInfo]:
        if self._dates_of_month[upload_date.isoformat()[:7]] > 1:
            month = prefix[: -len("DD/")]
            if self._months.get(folder, ("", None))[0] != month:
                self._months[folder] = (month, _list_month(self._lake, month, self._max_month_objects))
            by_day = self._months[folder][1]
            if by_day is not None:
                return by_day.get(prefix, ())
        return self._lake.objects(prefix)


def _list_month(lake: Lake, month: str, max_objects: int) -> ByDay | None:
    """Return the objects of a month by their day's folder; None if there are more than `max_objects`, or days that
    cannot be looked into, which must not stop the others.
    """
    found: dict[str, list[ObjectInfo]] = defaultdict(list)
    try:
        infos = [*islice(lake.objects(month), max_objects + 1)]
    except FolderHiddenError:
        return None
    for info in infos:
        found[info.key[: len(month) + len("DD/")]].append(info)
    return None if len(infos) > max_objects else dict(found)


def _summarize(objects: Iterable[tuple[ObjectInfo, ObjectInfo | None]]) -> UploadsSummary:
    versions, files, size_bytes = VersionsDigest(), 0, 0
    for info, release in objects:
        versions.add(info.key, info.etag, release.etag if release else None)
        files += 1
        size_bytes += info.size_bytes
    return UploadsSummary(versions.hexdigest(), files, size_bytes)


def _folders_of(lake: Lake, root: str, record_type: RecordType) -> list[str]:
    return [folder for folder in lake.folders(root) if folder.lower() == record_type.avro_name.lower()]


def sort_uploads(
    objects: Iterable[Listed], start_date: date, last_date: date, released: Mapping[str, ObjectInfo] | None = None
) -> Listing:
    """Sort a listing of raw/ into the partitions from start_date to last_date, inclusive.

    `released` holds the latest decision about each upload, as `releases.latest` lists them.
    """
    uploads: dict[tuple[str, date], list[Upload]] = defaultdict(list)
    unclaimed, hidden = [], []
    for listed in objects:
        if isinstance(listed, Unaddressable) and listed.hides_objects:
            hidden.append(listed.info.key)
        found = _classify(listed, released or {})
        if isinstance(found, Unclaimed):
            unclaimed.append(found)
        elif not start_date <= found.raw.upload_date <= last_date:
            detail = f"upload date {found.raw.upload_date} is not between {start_date} and {last_date}"
            unclaimed.append(Unclaimed(found.info, FileReason.OUTSIDE_PARTITIONS, detail))
        elif found.raw.record_type is not None:
            uploads[found.raw.record_type.name, found.raw.upload_date].append(found)
    ordered = {k: tuple(sorted(v, key=lambda upload: upload.info.key)) for k, v in sorted(uploads.items())}
    strays = tuple(sorted(unclaimed, key=lambda item: item.info.key))
    return Listing(start_date, last_date, ordered, strays, tuple(hidden))


def _classify(listed: Listed, released: Mapping[str, ObjectInfo]) -> Upload | Unclaimed:
    if isinstance(listed, Unaddressable):
        return Unclaimed(listed.info, FileReason.KEY_UNPARSEABLE, listed.detail, is_addressable=False)
    try:
        raw = parse_raw_key(listed.key)
    except KeyRefusedError as error:
        return Unclaimed(listed, FileReason.KEY_UNPARSEABLE, str(error))
    if raw.record_type is None:
        return Unclaimed(listed, FileReason.UNKNOWN_TYPE, "its folder is not named after a known record type")
    return Upload(raw, listed, releases.of_upload(released, listed.key))
