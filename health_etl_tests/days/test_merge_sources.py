"""Health Connect's time-slice merge: the platform's own cases, a plain reference sweep, and documented properties."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_etl.days.merge_sources import MergedTotals, app_rank, merge_by_time_slice
from health_etl_tests.support import hypothesis_profiles

profile = hypothesis_profiles.active_profile()

VECTOR_COUNT = 24
UNLISTED = -2_147_483_648

Row = tuple[int, str, str, int, int, int, float]
RECORD_COLUMNS = ["group_id", "record_id", "source_app", "start_utc", "end_utc", "last_modified_utc", "value"]
TIMES = ["start_utc", "end_utc", "last_modified_utc"]


def utc(epoch_ms: object) -> pd.Series:
    return pd.to_datetime(pd.Series(epoch_ms, dtype="int64"), unit="ms", utc=True).dt.as_unit("ms")


def records_of(*rows: Row) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=RECORD_COLUMNS)
    return frame.assign(**{name: utc(frame[name].to_numpy()) for name in TIMES})


def buckets_of(*rows: tuple[int, int, int]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["group_id", "start_utc", "end_utc"])
    return frame.assign(start_utc=utc(frame["start_utc"]), end_utc=utc(frame["end_utc"]))


def totals(records: pd.DataFrame, buckets: pd.DataFrame, *priority: str) -> list[float | None]:
    total = merge_by_time_slice(records, buckets, priority, value_column="value").totals["total"]
    return [None if np.isnan(value) else value for value in total]


@pytest.fixture(scope="module")
def vectors(shared: Path) -> list[dict[str, Any]]:
    path = shared / "reference" / "healthconnect" / "aggregation_vectors.json"
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["vectors"]
    assert len(found) == VECTOR_COUNT
    return found


@pytest.mark.parametrize("number", range(VECTOR_COUNT))
def test_the_platform_s_own_test_case_gives_the_platform_s_result(vectors: list[dict[str, Any]], number: int) -> None:
    case = vectors[number]
    given_records, splits = case["records"], case["group_splits"]
    records = records_of(
        *(
            (0, f"r{i}", f"app{r['priority']}", r["start"], r["end"], r["lastModified"], r.get("value", 0))
            for i, r in enumerate(given_records)
        )
    )
    excluded = [(0, f"r{i}", start, end) for i, r in enumerate(given_records) for start, end in r.get("exclude", [])]
    listed = sorted({r["priority"] for r in given_records} - {UNLISTED}, reverse=True)

    merged = merge_by_time_slice(
        records,
        buckets_of(*((0, start, end) for start, end in pairwise(splits))),
        [f"app{priority}" for priority in listed],
        value_column="value" if "value" in given_records[0] else None,
        excluded=pd.DataFrame(
            {
                "group_id": [group for group, *_ in excluded],
                "record_id": [record for _, record, *_ in excluded],
                "start_utc": utc([start for *_, start, _ in excluded]),
                "end_utc": utc([end for *_, end in excluded]),
            }
        ),
        only_listed_apps=case["source_controls"],
    )

    found = [None if np.isnan(total) else total for total in merged.totals["total"]]
    assert found == case["expected"], case["name"]


def test_a_day_of_two_apps_counts_the_later_modified_one_and_never_the_sum() -> None:
    records = records_of((0, "samsung", "shealth", 0, 100, 20, 3933), (0, "oura", "oura", 20, 100, 10, 2517))

    assert totals(records, buckets_of((0, 0, 100))) == [3933]


def test_a_lower_ranked_record_fills_the_gap_pro_rata() -> None:
    records = records_of((0, "samsung", "shealth", 0, 100, 20, 3933), (0, "oura", "oura", 20, 100, 10, 2517))

    merged = merge_by_time_slice(records, buckets_of((0, 0, 100)), ["oura"], value_column="value")

    by_source = merged.by_source()
    assert by_source["source_app"].tolist() == ["oura", "shealth"]
    assert by_source["total"].tolist() == [2517, pytest.approx(3933 * 20 / 100)]
    assert by_source["covered_ms"].tolist() == [80, 20]
    assert merged.totals["total"].tolist() == [pytest.approx(3303.6)]
    assert merged.totals["covered_ms"].tolist() == [100]


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        pytest.param((0, "z", "b", 5, 10, 99, 1.0), (0, "a", "a", 0, 10, 1, 2.0), id="app priority"),
        pytest.param((0, "z", "b", 5, 10, 1, 1.0), (0, "a", "b", 0, 10, 2, 2.0), id="last modified"),
        pytest.param((0, "z", "b", 0, 20, 1, 1.0), (0, "a", "b", 5, 10, 1, 2.0), id="start"),
        pytest.param((0, "z", "b", 0, 10, 1, 1.0), (0, "a", "b", 0, 20, 1, 2.0), id="end"),
        pytest.param((0, "a", "b", 0, 10, 1, 1.0), (0, "z", "b", 0, 10, 1, 2.0), id="record_id"),
    ],
)
def test_rank_is_priority_then_modified_then_start_then_end_then_record_id(loser: Row, winner: Row) -> None:
    merged = merge_by_time_slice(records_of(winner, loser), buckets_of((0, 5, 10)), ["a"], value_column="value")

    assert merged.contributions["record"].tolist() == [0]


def test_apps_that_are_not_listed_share_the_lowest_rank() -> None:
    apps = pd.Series(["other", "second", "first", "another"])

    assert app_rank(apps, ["first", "second", "first"]).tolist() == [0, 1, 2, 0]
    assert app_rank(apps, ()).tolist() == [0, 0, 0, 0]


def test_a_bucket_without_a_record_is_null_and_one_with_a_record_of_zero_is_zero() -> None:
    records = records_of((0, "r", "a", 0, 10, 1, 0.0))

    assert totals(records, buckets_of((0, 0, 10), (0, 10, 20))) == [0, None]


def test_a_record_of_zero_length_counts_in_full_in_the_bucket_that_begins_at_it() -> None:
    records = records_of((0, "r", "a", 10, 10, 1, 7.0))

    assert totals(records, buckets_of((0, 0, 10), (0, 10, 20))) == [None, 7]


def test_an_outranked_record_of_zero_length_counts_nothing_but_its_bucket_is_not_empty() -> None:
    records = records_of((0, "long", "a", 0, 10, 2, 5.0), (0, "moment", "a", 10, 10, 1, 7.0))

    assert totals(records, buckets_of((0, 0, 10), (0, 10, 20))) == [5, 0]


def test_a_record_that_counts_over_its_whole_length_gives_exactly_its_value_however_it_is_split() -> None:
    whole_day = (0, "day", "a", 0, 86_399_999, 2, 3933.0)
    minutes = [(0, f"m{i:04}", "b", 60_000 * i, 60_000 * i + 60_000, 1, 0.1) for i in range(1440)]

    merged = merge_by_time_slice(
        records_of(whole_day, *minutes), buckets_of((0, 0, 86_400_000)), ["a"], value_column="value"
    )

    assert merged.by_source().set_index("source_app")["total"]["a"] == 3933.0


def test_groups_are_never_merged_even_at_the_same_time() -> None:
    records = records_of((7, "r", "a", 0, 10, 1, 1.0), (3, "r", "a", 0, 10, 2, 5.0))

    assert totals(records, buckets_of((3, 0, 10), (7, 0, 10), (9, 0, 10))) == [5, 1, None]


def test_records_of_unknown_groups_outside_the_window_or_running_backwards_are_ignored() -> None:
    records = records_of(
        (1, "unknown group", "a", 0, 10, 9, 1.0),
        (0, "before", "a", 0, 9, 9, 1.0),
        (0, "reversed", "a", 15, 12, 9, 1.0),
        (0, "kept", "a", 10, 20, 1, 4.0),
    )

    assert totals(records, buckets_of((0, 10, 20))) == [4]


def test_no_records_give_no_totals() -> None:
    empty = records_of()

    no_records = merge_by_time_slice(empty, buckets_of((0, 0, 10)), value_column="value")
    no_buckets = merge_by_time_slice(records_of((0, "r", "a", 0, 1, 1, 1.0)), buckets_of(), value_column="value")

    assert no_records.totals["total"].isna().all()
    assert no_records.totals["covered_ms"].tolist() == [0]
    assert no_records.by_source().empty
    assert no_buckets.totals.empty
    assert no_buckets.contributions.empty


def test_excluded_parts_are_subtracted_once_and_only_from_their_own_session() -> None:
    sessions = records_of((0, "night", "a", 0, 100, 2, 0), (0, "other", "a", 100, 200, 1, 0))
    awake = pd.DataFrame(
        {
            "group_id": [0, 0, 0],
            "record_id": ["night", "night", "nobody"],
            "start_utc": utc([10, 20, 100]),
            "end_utc": utc([30, 40, 200]),
        }
    )

    merged = merge_by_time_slice(sessions, buckets_of((0, 0, 200)), excluded=awake)

    assert merged.totals["total"].tolist() == [200 - 30]
    assert merged.totals["covered_ms"].tolist() == [200]


def test_memory_depends_on_the_number_of_records_and_not_on_their_overlap() -> None:
    minutes = [(0, f"m{i}", "a", 60_000 * i, 60_000 * (i + 1), 1, 1.0) for i in range(1440)]
    days = [(0, f"d{i}", "b", i, 86_400_000 - i, i, 1.0) for i in range(2000)]
    records, buckets = records_of(*minutes, *days), buckets_of((0, 0, 86_400_000))

    tracemalloc.start()
    merge_by_time_slice(records, buckets, value_column="value")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    overlaps = len(minutes) * len(days)
    assert peak_bytes < overlaps  # less than one byte per overlapping pair


@dataclass(frozen=True)
class Case:
    """Records, and times of sessions that do not count: (group, record_id, start, end), in units of `unit_ms`."""

    rows: list[Row]
    excluded: list[tuple[int, str, int, int]]
    priority: str
    only_listed: bool
    is_sessions: bool
    unit_ms: int

    @property
    def records(self) -> pd.DataFrame:
        return records_of(
            *(
                (group, name, app, start * self.unit_ms, end * self.unit_ms, modified, value)
                for group, name, app, start, end, modified, value in self.rows
            )
        )

    @property
    def left_out(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "group_id": pd.Series([group for group, *_ in self.excluded], dtype="int64"),
                "record_id": pd.Series([name for _, name, *_ in self.excluded], dtype="str"),
                "start_utc": utc([start * self.unit_ms for *_, start, _ in self.excluded]),
                "end_utc": utc([end * self.unit_ms for *_, end in self.excluded]),
            }
        )

    def merged(self, records: pd.DataFrame) -> MergedTotals:
        return merge_by_time_slice(
            records,
            buckets_of(*((group, start * self.unit_ms, end * self.unit_ms) for group, start, end in BUCKETS)),
            self.priority,
            value_column=None if self.is_sessions else "value",
            excluded=self.left_out if self.is_sessions else None,
            only_listed_apps=self.only_listed,
        )


BUCKETS = [(2, 5, 15), (0, 0, 10), (0, 10, 20), (1, 3, 40), (0, 25, 45)]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    group, app, start = st.integers(0, 2), st.sampled_from("abc"), st.integers(0, 30)
    length, modified, value = st.integers(0, 20), st.integers(0, 3), st.integers(0, 50)
    drawn = draw(st.lists(st.tuples(group, app, start, length, modified, value), max_size=12))
    rows = [
        (group_id, f"r{number:02}", name, begin, begin + duration, when, float(amount))
        for number, (group_id, name, begin, duration, when, amount) in enumerate(drawn)
    ]
    return Case(
        rows,
        [
            (row[0], row[1], begin, begin + duration)
            for row in rows
            for begin, duration in draw(st.lists(st.tuples(start, st.integers(1, 9)), max_size=2))
        ],
        draw(st.sampled_from(["", "b", "ca"])),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from([1, 1_000, 60_000])),
    )


def swept(case: Case, bucket: tuple[int, int, int]) -> dict[str, tuple[Fraction, int]] | None:
    """Merge one bucket by walking through it unit by unit, as the rules read: what counts and what is covered, by
    record that counts; None where no record lies in the bucket.
    """
    group, first, last = bucket

    def rank(row: Row) -> tuple[int, int, int, int, str]:
        _, record_id, app, start, end, modified, _ = row
        return (-case.priority.find(app) if app in case.priority else -99, modified, start, end, record_id)

    own = [row for row in case.rows if row[0] == group and (row[2] in case.priority or not case.only_listed)]
    found: dict[str, tuple[Fraction, int]] = {}
    seen = False

    def add(row: Row, amount: Fraction, covered: int) -> None:
        counted, so_far = found.get(row[1], (Fraction(0), 0))
        found[row[1]] = (counted + amount, so_far + covered)

    for unit in range(first, last):
        moments = [row for row in own if row[3] == row[4] == unit]
        spanning = [row for row in own if row[3] <= unit < row[4]]
        seen = seen or bool(moments or spanning)
        if moments:
            winner = max((row for row in own if row[3] <= unit <= row[4]), key=rank)
            if winner in moments:
                add(winner, Fraction(0 if case.is_sessions else winner[6]), 0)
        if spanning:
            winner = max(spanning, key=rank)
            _, record_id, _, start, end, _, value = winner
            awake = (group, record_id) in {one[:2] for one in case.excluded if one[2] <= unit < one[3]}
            session = Fraction(0 if awake else case.unit_ms)
            add(winner, session if case.is_sessions else Fraction(value) / (end - start), case.unit_ms)
    return found if seen else None


@profile
@given(case=cases(), order=st.randoms(use_true_random=False))
def test_many_groups_at_once_equal_a_plain_sweep_whatever_the_order_of_rows(case: Case, order: Random) -> None:
    merged = case.merged(case.records)

    record_ids = [case.rows[record][1] for record in merged.contributions["record"]]
    counted = merged.contributions.assign(record_id=record_ids)
    for place, bucket in enumerate(BUCKETS):
        expected = swept(case, bucket)
        total, covered_ms = merged.totals.loc[place]
        assert np.isnan(total) == (expected is None)
        own = counted[counted["bucket"] == place].set_index("record_id")
        amounts = {name: float(amount) for name, (amount, _) in (expected or {}).items()}
        assert own["total"].to_dict() == pytest.approx(amounts)
        assert own["covered_ms"].to_dict() == {name: covered for name, (_, covered) in (expected or {}).items()}
        assert covered_ms == own["covered_ms"].sum()
        if expected is not None:
            assert total == pytest.approx(sum(amounts.values()))

    shuffled = order.sample(range(len(case.rows)), len(case.rows))
    pd.testing.assert_frame_equal(case.merged(case.records.iloc[shuffled]).totals, merged.totals, check_exact=True)
