"""The latest version of a record wins: by client version, then last modified, then fetched; per person."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from health_etl.records.dedupe import is_latest_version

LATER = pd.Timestamp("2025-09-21 12:00", tz="UTC")
EARLIER = pd.Timestamp("2025-09-21 11:00", tz="UTC")


def row(source_key: str, number: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "user_id": "anna",
        "record_id": "r1",
        "client_record_version": 1,
        "last_modified_utc": EARLIER,
        "fetched_utc": EARLIER,
        "source_key": source_key,
        "source_record_number": number,
        **changed,
    }


def latest(*rows: dict[str, Any]) -> list[bool]:
    return is_latest_version(pd.DataFrame(list(rows))).tolist()


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ({"client_record_version": 1, "last_modified_utc": LATER}, {"client_record_version": 2}),
        ({"last_modified_utc": EARLIER, "fetched_utc": LATER}, {"last_modified_utc": LATER}),
        ({"fetched_utc": EARLIER}, {"fetched_utc": LATER}),
    ],
    ids=["version over last modified", "last modified over fetched", "fetched"],
)
def test_the_later_version_wins_in_the_order_of_health_connect(
    weaker: dict[str, Any], stronger: dict[str, Any]
) -> None:
    assert latest(row("a", **weaker), row("b", **stronger)) == [False, True]
    assert latest(row("a", **stronger), row("b", **weaker)) == [True, False]


def test_of_equal_versions_exactly_one_wins_whatever_their_order() -> None:
    assert latest(row("a"), row("b")) == [False, True]
    assert latest(row("b"), row("a")) == [True, False]
    assert latest(row("a", 0), row("a", 1)) == [False, True]


def test_all_measurements_of_the_winning_version_win() -> None:
    rows = [row("a", fetched_utc=LATER), row("b"), row("a", fetched_utc=LATER), row("b")]
    assert latest(*rows) == [True, False, True, False]


def test_the_same_id_of_two_people_stays_two_records() -> None:
    assert latest(row("a"), row("b", user_id="ben", client_record_version=2)) == [True, True]


def test_other_ids_of_one_person_stay_other_records() -> None:
    assert latest(row("a"), row("b", record_id="r2")) == [True, True]


def test_a_record_without_another_version_wins_beside_one_with_two() -> None:
    rows = [row("a"), row("a", 1, record_id="r2"), row("b", client_record_version=0), row("b", 1, record_id="r3")]
    assert latest(*rows) == [True, True, False, True]


def test_a_missing_time_does_not_hide_which_version_is_later() -> None:
    assert latest(row("a", fetched_utc=pd.NaT), row("b", client_record_version=2)) == [False, True]


def test_the_marks_have_the_index_of_the_rows() -> None:
    rows = pd.DataFrame([row("a"), row("b")], index=[7, 3])
    assert is_latest_version(rows).to_dict() == {7: False, 3: True}
