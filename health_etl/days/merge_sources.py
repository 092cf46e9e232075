"""Health Connect's merge of overlapping sources: in each slice of time only the top-ranked record counts.

Ranks records and sums their values in time buckets. What a bucket means (a day, an hour) and which records belong
together is up to the caller.

The rules are the platform's own (Android `PriorityRecordsAggregator`): records rank by app priority, then by last
modified, start and end, later first. A value is split pro rata (value * overlap / duration). Lower-ranked records fill
gaps. A record of zero length counts in full where it ranks highest among all records that touch its instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

RECORD_COLUMNS = ("group_id", "record_id", "source_app", "start_utc", "end_utc", "last_modified_utc")
NOBODY = -1  # no record, no bucket


@dataclass(frozen=True)
class MergedTotals:
    """The totals of overlapping records.

    totals: one row per bucket, in the order and under the index of `buckets`: `total` (float, null where no
        record lies in the bucket; 0 is a count of zero) and `covered_ms` (int, time covered by any record).
    contributions: one row per bucket and record that counts there, top-ranked last: `bucket` (position in
        `buckets`), `record` (position in `records`), `source_app`, `total` (float), `covered_ms` (int).
    """

    totals: pd.DataFrame
    contributions: pd.DataFrame

    def by_source(self) -> pd.DataFrame:
        """Return the contributions per `bucket` and `source_app`, sorted by both: `total`, `covered_ms`."""
        grouped = self.contributions.groupby(["bucket", "source_app"], sort=True)[["total", "covered_ms"]]
        return grouped.sum().reset_index()


def app_rank(source_app: pd.Series, app_priority: Sequence[str]) -> Ints:
    """Return each app's rank: higher is more trusted; 0 for apps that are not in `app_priority`."""
    listed = list(dict.fromkeys(app_priority))
    place = pd.Index(listed, dtype="str").get_indexer(pd.Index(source_app, dtype="str"))
    return np.where(place == NOBODY, 0, len(listed) - place).astype(np.int64)


def merge_by_time_slice(
    records: pd.DataFrame,
    buckets: pd.DataFrame,
    app_priority: Sequence[str] = (),
    *,
    value_column: str | None = None,
    excluded: pd.DataFrame | None = None,
    only_listed_apps: bool = False,
) -> MergedTotals:
    """Merge overlapping records of many groups at once; records of different groups are never merged.

    records: group_id, record_id (unique in its group), source_app, start_utc, end_utc, last_modified_utc and
        `value_column`, the value of the whole record. Records that end before they start are ignored, as
        the platform does. Without `value_column` a record is a session and its value is its length in
        milliseconds.
    buckets: group_id, start_utc, end_utc (half-open, not empty); buckets of one group must not overlap.
    app_priority: most trusted first; apps that are not listed rank below, by last modified.
    excluded: group_id, record_id, start_utc, end_utc: parts of a session that do not count (awake).
    only_listed_apps: ignore apps that are not in `app_priority`, as newer platforms do.

    Ties that the platform leaves open go to the greater record_id, so the order of rows never matters. Memory is
    proportional to the number of records, however long they overlap.
    """
    columns = [*RECORD_COLUMNS, *([value_column] if value_column else [])]
    axis = _Axis.over(buckets)
    ranked = _ranked(records[columns], axis, app_priority, only_listed_apps)
    spans = _spans(ranked, axis)
    left_out = _excluded_spans(excluded, ranked, axis)
    slices = _Slices.cut(spans, left_out, *axis.place(axis.group, buckets["start_utc"], buckets["end_utc"]))
    counted = _count(slices, spans, left_out)
    contributions = _contributions(counted, ranked, value_column)
    return MergedTotals(_totals(contributions, slices, spans, buckets.index), contributions)


def _epoch_ms(time_utc: pd.Series) -> Ints:
    epoch_ms: Ints = time_utc.to_numpy(dtype="datetime64[ms]").astype(np.int64)
    return epoch_ms


@dataclass(frozen=True)
class _Axis:
    """One axis of milliseconds on which the windows of all groups are laid end to end."""

    group_ids: pd.Index
    group: Ints  # of each bucket
    window_start_ms: Ints  # of each group
    window_end_ms: Ints
    stride: int

    @classmethod
    def over(cls, buckets: pd.DataFrame) -> _Axis:
        group, group_ids = pd.factorize(buckets["group_id"], sort=True)
        start_ms, end_ms = _epoch_ms(buckets["start_utc"]), _epoch_ms(buckets["end_utc"])
        window_start = np.full(len(group_ids), np.iinfo(np.int64).max)
        window_end = np.full(len(group_ids), np.iinfo(np.int64).min)
        np.minimum.at(window_start, group, start_ms)
        np.maximum.at(window_end, group, end_ms)
        stride = int((window_end - window_start).max(initial=0)) + 1
        return cls(pd.Index(group_ids), group.astype(np.int64), window_start, window_end, stride)

    def group_of(self, group_id: pd.Series) -> Ints:
        return self.group_ids.get_indexer(pd.Index(group_id)).astype(np.int64)

    def place(self, group: Ints, start_utc: pd.Series, end_utc: pd.Series) -> tuple[Ints, Ints]:
        """Return the positions of both times on the axis, clipped to their group's window."""
        first, last, shift = self.window_start_ms[group], self.window_end_ms[group], group * self.stride
        start = np.clip(_epoch_ms(start_utc), first, last) - first + shift
        end = np.clip(_epoch_ms(end_utc), first, last) - first + shift
        return start, end


def _ranked(records: pd.DataFrame, axis: _Axis, app_priority: Sequence[str], only_listed_apps: bool) -> pd.DataFrame:
    """Return the records that touch their group's window, lowest rank first."""
    frame = records.assign(
        _group=axis.group_of(records["group_id"]),
        _record=np.arange(len(records)),
        _app_rank=app_rank(records["source_app"], app_priority),
    )
    frame = frame[frame["_group"] != NOBODY]
    group = frame["_group"].to_numpy()
    touches = (
        (frame["start_utc"] <= frame["end_utc"]).to_numpy()
        & (_epoch_ms(frame["start_utc"]) <= axis.window_end_ms[group])
        & (_epoch_ms(frame["end_utc"]) >= axis.window_start_ms[group])
    )
    if only_listed_apps:
        touches &= frame["_app_rank"].to_numpy() > 0
    by_rank = ["_app_rank", "last_modified_utc", "start_utc", "end_utc", "record_id"]
    ranked: pd.DataFrame = frame[touches].sort_values(by_rank, ignore_index=True)
    return ranked


@dataclass(frozen=True)
class _Spans:
    """The stretches of the axis covered by the records, in rank order."""

    start: Ints
    end: Ints
    instant: Bools  # has zero length


def _spans(ranked: pd.DataFrame, axis: _Axis) -> _Spans:
    start, end = axis.place(ranked["_group"].to_numpy(), ranked["start_utc"], ranked["end_utc"])
    return _Spans(start, end, (ranked["start_utc"] == ranked["end_utc"]).to_numpy())


@dataclass(frozen=True)
class _ExcludedSpans:
    """The stretches of the axis that do not count, each for a single record."""

    record: Ints  # its rank
    start: Ints
    end: Ints


def _excluded_spans(excluded: pd.DataFrame | None, ranked: pd.DataFrame, axis: _Axis) -> _ExcludedSpans:
    if excluded is None or excluded.empty:
        nothing = np.zeros(0, dtype=np.int64)
        return _ExcludedSpans(nothing, nothing, nothing)
    key = ["group_id", "record_id"]
    record = pd.MultiIndex.from_frame(ranked[key]).get_indexer(pd.MultiIndex.from_frame(excluded[key]))
    known = excluded[record != NOBODY]
    start, end = axis.place(axis.group_of(known["group_id"]), known["start_utc"], known["end_utc"])
    return _ExcludedSpans(record[record != NOBODY].astype(np.int64), start, end)


@dataclass(frozen=True)
class _Slices:
    """The axis cut wherever a record, an exclusion or a bucket begins or ends.

    borders: positions of the cuts, ascending; slice i reaches from borders[i] to borders[i + 1].
    bucket: the bucket that border i and the slice after it lie in, or NOBODY.
    """

    borders: Ints
    bucket: Ints

    @classmethod
    def cut(cls, spans: _Spans, left_out: _ExcludedSpans, bucket_start: Ints, bucket_end: Ints) -> _Slices:
        cuts = np.concatenate([spans.start, spans.end, left_out.start, left_out.end, bucket_start, bucket_end])
        cuts.sort()
        borders = cuts[np.diff(cuts, prepend=NOBODY) > 0]
        order = np.argsort(bucket_start)
        latest = np.searchsorted(bucket_start[order], borders, side="right") - 1
        inside = (latest >= 0) & (borders < np.append(bucket_end[order], 0)[latest])
        return cls(borders, np.where(inside, np.append(order, NOBODY)[latest], NOBODY))

    @property
    def length_ms(self) -> Ints:
        return np.diff(self.borders, append=self.borders[-1:])

    def at(self, places: Ints) -> Ints:
        """Return the indexes of axis positions among the borders."""
        return np.searchsorted(self.borders, places).astype(np.int64)


def _top_ranked(slices: _Slices, spans: _Spans) -> tuple[Ints, Ints]:
    """Return the top record at each border (its ends included) and in the slice behind it, else NOBODY.

    Borders and slices alternate as slots 0, 1, 2 ...; a record covers the slots of its two borders and everything
    between. A run of slots is the union of two blocks whose length is a power of two, so each record marks two
    blocks, and blocks are halved, longest first, until they are single slots.
    """
    first, stop = 2 * slices.at(spans.start), 2 * slices.at(spans.end) + 1
    rank = np.arange(len(first))
    level = np.frexp(stop - first)[1] - 1  # floor(log2(length))
    top = np.full(2 * len(slices.borders), NOBODY)
    for exponent in range(int(level.max(initial=0)), -1, -1):
        block = 2**exponent
        halves = top.copy()
        np.maximum(halves[block:], top[:-block], out=halves[block:])
        here = level == exponent
        np.maximum.at(halves, first[here], rank[here])
        np.maximum.at(halves, stop[here] - block, rank[here])
        top = halves
    return top[0::2], top[1::2]


def _count(slices: _Slices, spans: _Spans, left_out: _ExcludedSpans) -> pd.DataFrame:
    """Return bucket, rank, covered_ms and counted_ms, summed over the slices where the record ranks highest."""
    at_border, in_slice = _top_ranked(slices, spans)
    length_ms = slices.length_ms
    counted_ms = np.where(_is_excluded(in_slice, slices, left_out), 0, length_ms)
    spanning = (in_slice != NOBODY) & (slices.bucket != NOBODY)
    momentary = (at_border != NOBODY) & (slices.bucket != NOBODY)
    momentary[momentary] = spans.instant[at_border[momentary]]
    parts = pd.DataFrame(
        {
            "bucket": np.concatenate([slices.bucket[spanning], slices.bucket[momentary]]),
            "rank": np.concatenate([in_slice[spanning], at_border[momentary]]),
            "covered_ms": np.concatenate([length_ms[spanning], np.zeros(momentary.sum(), dtype=np.int64)]),
            "counted_ms": np.concatenate([counted_ms[spanning], np.zeros(momentary.sum(), dtype=np.int64)]),
        }
    )
    return parts.groupby(["bucket", "rank"], sort=True).sum().reset_index()


def _is_excluded(top_record: Ints, slices: _Slices, left_out: _ExcludedSpans) -> Bools:
    """Tell for each slice whether its top record excludes it, i.e. more exclusions have begun than ended."""
    size = len(slices.borders)
    asked = top_record * size + np.arange(size)
    began = np.sort(left_out.record * size + slices.at(left_out.start))
    ended = np.sort(left_out.record * size + slices.at(left_out.end))
    open_ones = np.searchsorted(began, asked, side="right") - np.searchsorted(ended, asked, side="right")
    return np.asarray(open_ones > 0)


def _contributions(counted: pd.DataFrame, ranked: pd.DataFrame, value_column: str | None) -> pd.DataFrame:
    record = ranked.iloc[counted["rank"].to_numpy()]
    if value_column is None:
        total = counted["counted_ms"].to_numpy().astype(np.float64)
    else:
        duration_ms = _epoch_ms(record["end_utc"]) - _epoch_ms(record["start_utc"])
        value = record[value_column].to_numpy(dtype=np.float64)
        # Multiply before dividing: a record that counts over its whole length then yields exactly its value.
        shared = value * counted["covered_ms"].to_numpy() / np.maximum(duration_ms, 1)
        total = np.where(duration_ms == 0, value, shared)
    return pd.DataFrame(
        {
            "bucket": counted["bucket"].to_numpy(),
            "record": record["_record"].to_numpy(),
            "source_app": record["source_app"].to_numpy(),
            "total": total,
            "covered_ms": counted["covered_ms"].to_numpy(),
        }
    )


def _totals(contributions: pd.DataFrame, slices: _Slices, spans: _Spans, index: pd.Index) -> pd.DataFrame:
    bucket = contributions["bucket"].to_numpy()
    total = np.bincount(bucket, weights=contributions["total"], minlength=len(index))
    covered_ms = np.bincount(bucket, weights=contributions["covered_ms"], minlength=len(index))
    # An outranked record of zero length contributes nothing, but its bucket is not empty.
    momentary = slices.bucket[slices.at(spans.start[spans.instant])]
    has_record = np.zeros(len(index), dtype=np.bool_)
    has_record[bucket] = True
    has_record[momentary[momentary != NOBODY]] = True
    return pd.DataFrame(
        {"total": np.where(has_record, total, np.nan), "covered_ms": covered_ms.astype(np.int64)}, index=index
    )
