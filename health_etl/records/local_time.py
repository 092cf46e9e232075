"""Local time: the UTC offset of each measurement and the local day it belongs to.

An offset stated by the record is trusted, except `Z`, which some apps write wherever they are. In that case the
person's other records around that time decide, or else the default zone from the settings.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from health_etl.record_types.base import DayAnchor

# ASSUMPTION: an offset stated by one record holds for the same person this long before and after it.
EVIDENCE_REACH = pd.Timedelta(hours=36)
MAX_OFFSET_MINUTES = 18 * 60  # the limit of java.time.ZoneOffset, which Health Connect uses
NIGHT_SHIFT = pd.Timedelta(hours=6)  # a night runs from 18:00 to 18:00 and has the date on which it ends
DAY = pd.Timedelta(days=1)
PERSON_DAY = ["user_id", "local_date"]
MAX_OFFSET_LENGTH = 64  # characters; the longest name of a zone has 32
# `Z` by its other names, and nothing: what apps write that know no offset.
_UTC_NAMES = frozenset({"", "Z", "ZULU", "UTC", "UCT", "UT", "GMT", "ETC/UTC", "ETC/UCT", "ETC/GMT", "ETC/ZULU"})
# As java.time.ZoneId writes offsets, which Health Connect uses: +02:00, +0200, +02, +2, UTC+2, GMT+02:00
_OFFSET = re.compile(
    r"(?:UTC|GMT|UT)?([+-])(?:([0-9]{2})(?::?([0-5][0-9])(?::?([0-5][0-9]))?)?|([0-9])(?::([0-5][0-9]))?)"
)

_UTC = float("nan")  # UTC by name: valid, but states no offset; compared by identity

FROM_RECORD, FROM_OTHERS, FROM_DEFAULT = "record", "other_sources", "default"


def stated_offset_minutes(zone_offsets: pd.Series[str], times_utc: pd.Series[pd.Timestamp]) -> pd.Series[float]:
    """Return the offsets that records state, in minutes, without seconds.

    The name of a zone, such as "Europe/Berlin", states the offset that holds there at that time. NaN for null, for UTC
    by name (`Z`), which many apps write that know no offset, and for anything invalid.
    """
    positions, distinct = pd.factorize(zone_offsets)  # few distinct values; null is -1
    meanings = [_meaning(text) for text in distinct]
    minutes = np.array([*(value if isinstance(value, float) else np.nan for value in meanings), np.nan])
    stated = pd.Series(minutes[positions], index=zone_offsets.index)
    for number, value in enumerate(meanings):
        if isinstance(value, ZoneInfo):
            is_there = positions == number
            stated[is_there] = _zone_minutes(times_utc[is_there], value)
    return stated


def states_offset(zone_offsets: pd.Series[str]) -> pd.Series[bool]:
    """Mark the values of an offset column for which `stated_offset_minutes` returns an offset."""
    return _by_distinct(zone_offsets, lambda value: value is not None and value is not _UTC, null=False)


def is_valid_offset(zone_offsets: pd.Series[str]) -> pd.Series[bool]:
    """Mark the valid values of an offset column: null, UTC by name, an offset of at most 18 hours, a zone's name."""
    return _by_distinct(zone_offsets, lambda value: value is not None, null=True)


def _by_distinct(
    zone_offsets: pd.Series[str], is_marked: Callable[[float | ZoneInfo | None], bool], *, null: bool
) -> pd.Series[bool]:
    positions, distinct = pd.factorize(zone_offsets)
    marks = np.array([*(is_marked(_meaning(text)) for text in distinct), null])
    return pd.Series(marks[positions], index=zone_offsets.index)


def _meaning(text: str) -> float | ZoneInfo | None:
    """Return the minutes that a text states, the zone that it names, `_UTC`, or None if it is none of these."""
    return _parse(text.strip()) if len(text) <= MAX_OFFSET_LENGTH else None


@lru_cache(maxsize=1024)  # more than there are offsets in use
def _parse(text: str) -> float | ZoneInfo | None:
    if text.upper() in _UTC_NAMES:
        return _UTC
    found = _OFFSET.fullmatch(text.upper())
    if found is None:
        # Names without a slash, such as EST, mean different zones to different people.
        return ZoneInfo(text) if "/" in text and text in _zone_names() else None
    sign, *numbers = found.groups()
    two_digits, minutes, seconds, one_digit, its_minutes = (int(number or 0) for number in numbers)
    total = 60 * (two_digits + one_digit) + minutes + its_minutes
    if total * 60 + seconds > MAX_OFFSET_MINUTES * 60:
        return None
    return float(-total if sign == "-" else total)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def resolve_offsets(
    user_ids: pd.Series[str],
    times_utc: pd.Series[pd.Timestamp],
    zone_offsets: pd.Series[str],
    evidence: pd.DataFrame,
    default_zone: ZoneInfo | int,
) -> pd.DataFrame:
    """Return `utc_offset_minutes` (int) and `zone_source` for each measurement.

    `evidence` has user_id, time_utc and utc_offset_minutes of records that state an offset. A measurement without an
    offset takes that of the person's nearest evidence within EVIDENCE_REACH, or else that of `default_zone`.
    """
    stated = stated_offset_minutes(zone_offsets, times_utc)
    is_unstated = stated.isna()
    offsets = stated.copy()
    source = pd.Series(FROM_RECORD, index=stated.index, dtype="str")
    if is_unstated.any():
        unstated = pd.DataFrame({"user_id": user_ids[is_unstated], "time_utc": times_utc[is_unstated]})
        found = _nearest_evidence(unstated, evidence)
        default = _zone_minutes(unstated["time_utc"], default_zone)
        offsets[is_unstated] = found.fillna(default)
        source[is_unstated] = np.where(found.notna(), FROM_OTHERS, FROM_DEFAULT)
    return pd.DataFrame({"utc_offset_minutes": offsets.astype("int64"), "zone_source": source})


def _nearest_evidence(unstated: pd.DataFrame, evidence: pd.DataFrame) -> pd.Series[float]:
    points = evidence.sort_values(["time_utc", "user_id", "utc_offset_minutes"])
    points = points.drop_duplicates(["user_id", "time_utc"], keep="last")
    matched = pd.merge_asof(
        unstated.reset_index(names="row").sort_values("time_utc", kind="stable"),
        points[["user_id", "time_utc", "utc_offset_minutes"]],
        on="time_utc",
        by="user_id",
        direction="nearest",
        tolerance=EVIDENCE_REACH,
    )
    return matched.set_index("row")["utc_offset_minutes"].reindex(unstated.index).astype(float)


def _zone_minutes(times_utc: pd.Series[pd.Timestamp], zone: ZoneInfo | int) -> pd.Series[float]:
    if isinstance(zone, int):
        return pd.Series(float(zone), index=times_utc.index)
    local = times_utc.dt.tz_convert(zone).dt.tz_localize(None)
    return (local - times_utc.dt.tz_localize(None)) / pd.Timedelta(minutes=1)


def add_local_time(rows: pd.DataFrame, evidence: pd.DataFrame, default_zone: ZoneInfo | int) -> pd.DataFrame:
    """Add utc_offset_minutes, end_utc_offset_minutes and zone_source to measurement rows of any type."""
    start_zone = "zone_offset" if "zone_offset" in rows else "start_zone_offset"
    start_time = "time_utc" if "time_utc" in rows else "start_utc"
    start = resolve_offsets(rows["user_id"], rows[start_time], rows[start_zone], evidence, default_zone)
    end = start
    if "end_zone_offset" in rows:
        end = resolve_offsets(rows["user_id"], rows["end_utc"], rows["end_zone_offset"], evidence, default_zone)
    return rows.assign(
        utc_offset_minutes=start["utc_offset_minutes"],
        end_utc_offset_minutes=end["utc_offset_minutes"],
        zone_source=start["zone_source"],
    )


def assign_days(rows: pd.DataFrame, anchor: DayAnchor) -> pd.DataFrame:
    """Add `local_date` (YYYY-MM-DD); rows of a SPAN type are repeated for every local day that they overlap."""
    if anchor is DayAnchor.SPAN:
        return _repeat_per_day(rows)
    if anchor is DayAnchor.END:
        wall = _to_local(rows["end_utc"], rows["end_utc_offset_minutes"]) + NIGHT_SHIFT
    else:
        wall = _to_local(rows["time_utc"], rows["utc_offset_minutes"])
        wall = wall + NIGHT_SHIFT if anchor is DayAnchor.NIGHT else wall
    return rows.assign(local_date=wall.dt.strftime("%Y-%m-%d"))


def day_bounds(rows: pd.DataFrame, anchor: DayAnchor) -> pd.DataFrame:
    """Return one row per person and local day, sorted by user_id and local_date, from rows with a local_date.

    Columns: user_id, local_date, day_start_utc, day_end_utc (23 or 25 hours apart when the offset changes),
    utc_offset_minutes and zone_source (the least certain among the day's rows).

    A day always ends after it begins. Where the offsets of its first and last record would have it otherwise (somebody
    crossed the date line), those count that were valid on that date itself; a date on which nothing begins or ends,
    such as 30 December 2011 in Samoa, did not exist for the person and has no row.
    """
    time = "time_utc" if "time_utc" in rows else "start_utc"
    groups = rows.sort_values([time, "record_id"], kind="stable").groupby(PERSON_DAY)
    days = groups.agg(
        utc_offset_minutes=("utc_offset_minutes", "first"),
        last_offset=("end_utc_offset_minutes", "last"),
        zone_source=("zone_source", "min"),  # alphabetical order is order of certainty: default, other_sources, record
    ).reset_index()
    empty = days["last_offset"] - days["utc_offset_minutes"] >= DAY // pd.Timedelta(minutes=1)
    if empty.any():
        days = _with_valid_offsets(days, days.loc[empty, PERSON_DAY], rows, anchor)
    midnight = pd.to_datetime(days["local_date"]).dt.as_unit("ms").dt.tz_localize("UTC")
    if anchor in (DayAnchor.NIGHT, DayAnchor.END):
        midnight = midnight - NIGHT_SHIFT
    days["day_start_utc"] = midnight - pd.to_timedelta(days["utc_offset_minutes"], unit="min")
    days["day_end_utc"] = midnight + DAY - pd.to_timedelta(days["last_offset"], unit="min")
    return days.drop(columns="last_offset")


def _with_valid_offsets(days: pd.DataFrame, empty: pd.DataFrame, rows: pd.DataFrame, anchor: DayAnchor) -> pd.DataFrame:
    """Give days without length the offsets of the first and last moment that lies on their own date; drop those that
    have no such moment.
    """
    on_date = _moments(rows.merge(empty, on=PERSON_DAY), anchor).sort_values("moment", kind="stable")
    valid = on_date.groupby(PERSON_DAY)["offset"].agg(first_offset="first", last_offset="last").reset_index()
    mended = empty.merge(days.drop(columns=["last_offset"]), on=PERSON_DAY).merge(valid, on=PERSON_DAY)
    mended = mended.assign(utc_offset_minutes=mended["first_offset"]).drop(columns=["first_offset"])
    whole = days.merge(empty, on=PERSON_DAY, how="left", indicator=True)
    others = whole.loc[whole["_merge"] == "left_only", days.columns]
    return pd.concat([others, mended[days.columns]]).sort_values(PERSON_DAY, ignore_index=True)


def _moments(rows: pd.DataFrame, anchor: DayAnchor) -> pd.DataFrame:
    """Return the moments of rows that lie on the rows' local date, each with the offset stated for it."""
    start, end = ("start_utc", "utc_offset_minutes"), ("end_utc", "end_utc_offset_minutes")
    if anchor is not DayAnchor.SPAN:  # what decided the local date
        moment, offset = end if anchor is DayAnchor.END else ("time_utc", "utc_offset_minutes")
        return rows[[*PERSON_DAY, moment, offset]].set_axis([*PERSON_DAY, "moment", "offset"], axis=1)
    rows = rows.assign(end_utc=_last_moment(rows))
    both = [rows[[*PERSON_DAY, *one]].set_axis([*PERSON_DAY, "moment", "offset"], axis=1) for one in (start, end)]
    stacked = pd.concat(both, ignore_index=True)
    return stacked[_to_local(stacked["moment"], stacked["offset"]).dt.strftime("%Y-%m-%d") == stacked["local_date"]]


def _to_local(times_utc: pd.Series[pd.Timestamp], minutes: pd.Series[int]) -> pd.Series[pd.Timestamp]:
    return times_utc.dt.tz_localize(None) + pd.to_timedelta(minutes, unit="min")


def _repeat_per_day(rows: pd.DataFrame) -> pd.DataFrame:
    first = _to_local(rows["start_utc"], rows["utc_offset_minutes"]).dt.floor("D")
    last = _to_local(_last_moment(rows), rows["end_utc_offset_minutes"]).dt.floor("D")
    count = ((last - first) // DAY + 1).clip(lower=1).to_numpy(dtype="int64")
    position = np.repeat(np.arange(len(rows)), count)
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    date = first.iloc[position] + pd.to_timedelta(nth, unit="D")
    return rows.iloc[position].assign(local_date=date.dt.strftime("%Y-%m-%d").to_numpy())


def _last_moment(rows: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """Return the last moment of each interval: one that ends at midnight does not reach into the next day."""
    return (rows["end_utc"] - pd.Timedelta(milliseconds=1)).where(rows["end_utc"] > rows["start_utc"], rows["end_utc"])
