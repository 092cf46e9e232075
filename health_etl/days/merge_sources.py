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
        app, names = pd.factorize(self.contributions["source_app"], sort=True)
        pair = self.contributions["bucket"].to_numpy() * max(len(names), 1) + app
        summed = self.contributions[["total", "covered_ms"]].groupby(pair, sort=True).sum()
        bucket, app = np.divmod(summed.index.to_numpy(), max(len(names), 1))
        summed.insert(0, "bucket", bucket)
        summed.insert(1, "source_app", names.take(app))
        return summed.reset_index(drop=True)


def app_rank(source_app: pd.Series, app_priority: Sequence[str]) -> Ints:
    """Return each app's rank: higher is more trusted; 0 for apps that are not in `app_priority`."""
    listed = list(dict.fromkeys(app_priority))
    if not listed:
        return np.zeros(len(source_app), dtype=np.int64)
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
    axis = _Axis.over(buckets)
    ranked = _ranked(records, axis, app_priority, only_listed_apps)
    spans = _spans(ranked, axis)
    left_out = _excluded_spans(excluded, records, ranked, axis)
    slices = _Slices.cut(spans, left_out, *axis.place(axis.group, axis.start_ms, axis.end_ms))
    counted = _count(slices, spans, left_out)
    contributions = _contributions(counted, records, ranked, value_column)
    return MergedTotals(_totals(contributions, slices, spans, buckets.index), contributions)


def covered_ms(group: Ints, start_ms: Ints, end_ms: Ints, window_start_ms: Ints, window_end_ms: Ints) -> Ints:
    """Return for how long any span covers each group's window, in ms, overlaps counted once.

    group: position of each span's window; a span that ends before it starts covers nothing. Times are in ms.
    """
    start = np.maximum(start_ms, window_start_ms[group]) - window_start_ms[group]
    end = np.minimum(end_ms, window_end_ms[group]) - window_start_ms[group]
    kept = end > start
    shift = group[kept] * int((window_end_ms - window_start_ms).max(initial=0))  # one axis for all groups
    start, end = start[kept] + shift, end[kept] + shift
    order = np.argsort(start, kind="stable")
    covered_until = np.maximum.accumulate(end[order])
    fresh_from = np.maximum(start[order], np.concatenate(([0], covered_until[:-1])))
    fresh_ms = np.maximum(end[order] - fresh_from, 0)
    found: Ints = np.bincount(group[kept][order], weights=fresh_ms, minlength=len(window_start_ms)).astype(np.int64)
    return found


def epoch_ms(time_utc: pd.Series) -> Ints:
    """Return instants as milliseconds since 1970, UTC."""
    found: Ints = time_utc.to_numpy(dtype="datetime64[ms]").astype(np.int64)
    return found


@dataclass(frozen=True)
class _Axis:
    """One axis of milliseconds on which the windows of all groups are laid end to end."""

    group_ids: pd.Index
    group: Ints  # of each bucket
    start_ms: Ints  # of each bucket
    end_ms: Ints
    window_start_ms: Ints  # of each group
    window_end_ms: Ints
    stride: int

    @classmethod
    def over(cls, buckets: pd.DataFrame) -> _Axis:
        group, group_ids = pd.factorize(buckets["group_id"], sort=True)
        start_ms, end_ms = epoch_ms(buckets["start_utc"]), epoch_ms(buckets["end_utc"])
        window_start = np.full(len(group_ids), np.iinfo(np.int64).max)
        window_end = np.full(len(group_ids), np.iinfo(np.int64).min)
        np.minimum.at(window_start, group, start_ms)
        np.maximum.at(window_end, group, end_ms)
        stride = int((window_end - window_start).max(initial=0)) + 1
        return cls(pd.Index(group_ids), group.astype(np.int64), start_ms, end_ms, window_start, window_end, stride)

    def group_of(self, group_id: pd.Series) -> Ints:
        return self.group_ids.get_indexer(pd.Index(group_id)).astype(np.int64)

    def place(self, group: Ints, start_ms: Ints, end_ms: Ints) -> tuple[Ints, Ints]:
        """Return the positions of both times on the axis, clipped to their group's window."""
        first, last, shift = self.window_start_ms[group], self.window_end_ms[group], group * self.stride
        return np.clip(start_ms, first, last) - first + shift, np.clip(end_ms, first, last) - first + shift


@dataclass(frozen=True)
class _Ranked:
    """The records that touch their group's window, group by group, lowest rank first: arrays of one length."""

    record: Ints  # position in the records
    group: Ints
    start_ms: Ints
    end_ms: Ints


def _ranked(records: pd.DataFrame, axis: _Axis, app_priority: Sequence[str], only_listed_apps: bool) -> _Ranked:
    group, start, end = axis.group_of(records["group_id"]), epoch_ms(records["start_utc"]), epoch_ms(records["end_utc"])
    rank = app_rank(records["source_app"], app_priority)
    kept = np.flatnonzero((group != NOBODY) & (start <= end) & ((rank > 0) | (not only_listed_apps)))
    touches = (start[kept] <= axis.window_end_ms[group[kept]]) & (end[kept] >= axis.window_start_ms[group[kept]])
    kept = kept[touches]
    modified = epoch_ms(records["last_modified_utc"])
    keys = [key[kept] for key in (end, start, modified, rank, group)]
    order = np.lexsort(keys)
    if np.logical_and.reduce([np.diff(key[order]) == 0 for key in keys]).any():
        record_id, _ = pd.factorize(records["record_id"].iloc[kept], sort=True)
        order = np.lexsort((record_id, *keys))
    record = kept[order]
    return _Ranked(record, group[record], start[record], end[record])


@dataclass(frozen=True)
class _Spans:
    """The stretches of the axis covered by the records, in rank order."""

    start: Ints
    end: Ints
    instant: Bools  # has zero length


def _spans(ranked: _Ranked, axis: _Axis) -> _Spans:
    start, end = axis.place(ranked.group, ranked.start_ms, ranked.end_ms)
    return _Spans(start, end, ranked.start_ms == ranked.end_ms)


@dataclass(frozen=True)
class _ExcludedSpans:
    """The stretches of the axis that do not count, each for a single record."""

    record: Ints  # its rank
    start: Ints
    end: Ints


def _excluded_spans(
    excluded: pd.DataFrame | None, records: pd.DataFrame, ranked: _Ranked, axis: _Axis
) -> _ExcludedSpans:
    if excluded is None or excluded.empty:
        nothing = np.zeros(0, dtype=np.int64)
        return _ExcludedSpans(nothing, nothing, nothing)
    key = ["group_id", "record_id"]
    record = pd.MultiIndex.from_frame(records[key].iloc[ranked.record]).get_indexer(
        pd.MultiIndex.from_frame(excluded[key])
    )
    known = excluded[record != NOBODY]
    group = axis.group_of(known["group_id"])
    start, end = axis.place(group, epoch_ms(known["start_utc"]), epoch_ms(known["end_utc"]))
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


@dataclass(frozen=True)
class _Counted:
    """Where records rank highest: arrays of one length, sorted by bucket and rank."""

    bucket: Ints
    rank: Ints
    covered_ms: Ints
    counted_ms: Ints


def _count(slices: _Slices, spans: _Spans, left_out: _ExcludedSpans) -> _Counted:
    """Sum the slices of each bucket by the record that ranks highest in them."""
    at_border, in_slice = _top_ranked(slices, spans)
    length_ms = slices.length_ms
    counted_ms = np.where(_is_excluded(in_slice, slices, left_out), 0, length_ms)
    spanning = (in_slice != NOBODY) & (slices.bucket != NOBODY)
    momentary = (at_border != NOBODY) & (slices.bucket != NOBODY)
    momentary[momentary] = spans.instant[at_border[momentary]]
    nothing = np.zeros(momentary.sum(), dtype=np.int64)
    n_ranks = max(len(spans.start), 1)
    pair = np.concatenate([slices.bucket[spanning], slices.bucket[momentary]]) * n_ranks
    pair += np.concatenate([in_slice[spanning], at_border[momentary]])
    order = np.argsort(pair, kind="stable")
    first = np.flatnonzero(np.diff(pair[order], prepend=NOBODY))
    covered, counted = (
        np.add.reduceat(np.concatenate([ms[spanning], nothing])[order], first) if len(first) else nothing
        for ms in (length_ms, counted_ms)
    )
    bucket, rank = np.divmod(pair[order][first], n_ranks)
    return _Counted(bucket, rank, covered, counted)


def _is_excluded(top_record: Ints, slices: _Slices, left_out: _ExcludedSpans) -> Bools:
    """Tell for each slice whether its top record excludes it, i.e. more exclusions have begun than ended."""
    size = len(slices.borders)
    asked = top_record * size + np.arange(size)
    began = np.sort(left_out.record * size + slices.at(left_out.start))
    ended = np.sort(left_out.record * size + slices.at(left_out.end))
    open_ones = np.searchsorted(began, asked, side="right") - np.searchsorted(ended, asked, side="right")
    return np.asarray(open_ones > 0)


def _contributions(counted: _Counted, records: pd.DataFrame, ranked: _Ranked, value_column: str | None) -> pd.DataFrame:
    record = ranked.record[counted.rank]
    if value_column is None:
        total = counted.counted_ms.astype(np.float64)
    else:
        duration_ms = (ranked.end_ms - ranked.start_ms)[counted.rank]
        value = records[value_column].to_numpy(dtype=np.float64)[record]
        # Multiply before dividing: a record that counts over its whole length then yields exactly its value.
        shared = value * counted.covered_ms / np.maximum(duration_ms, 1)
        total = np.where(duration_ms == 0, value, shared)
    return pd.DataFrame(
        {
            "bucket": counted.bucket,
            "record": record,
            "source_app": records["source_app"].array.take(record),
            "total": total,
            "covered_ms": counted.covered_ms,
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
