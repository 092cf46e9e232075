"""What the sensors request: each state once, again after a failure, never while a run is pending."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from health_etl.planning import run_requests
from health_etl.planning.run_requests import Attempt, Plan, plan
from health_etl.planning.spans import next_month

NOW = 1_000_000.0
DAY = "2025-09-21"


def days(count: int, first: date = date(2025, 1, 1)) -> list[str]:
    return [(first + timedelta(days=n)).isoformat() for n in range(count)]


def planned(
    stale: dict[str, str],
    attempts: dict[str, Attempt] | None = None,
    generations: dict[str, int] | None = None,
    now_s: float = NOW,
    max_runs: int = 10,
) -> Plan:
    return plan("steps", stale, attempts or {}, generations or {}, now_s=now_s, max_runs=max_runs, retry_seconds=60)


def failed(number: int, wanted: str | None = "a", ended_s: float = 0.0) -> Attempt:
    return Attempt(running=False, wanted=wanted, number=number, ended_s=ended_s)


def spans(found: Plan) -> list[tuple[str, str]]:
    return [(run_plan.partitions[0], run_plan.partitions[-1]) for run_plan in found.run_plans]


def test_nothing_is_requested_when_nothing_is_out_of_date() -> None:
    assert planned({}) == Plan()
    assert planned({}).is_idle


def test_consecutive_dates_are_one_run_and_the_newest_comes_first() -> None:
    stale = dict.fromkeys(["2023-11-02", *days(3)], "a")
    assert spans(planned(stale)) == [("2025-01-01", "2025-01-03"), ("2023-11-02", "2023-11-02")]


def test_a_run_covers_at_most_a_month() -> None:
    assert [len(run_plan.wanted) for run_plan in planned(dict.fromkeys(days(70), "a")).run_plans] == [8, 31, 31]


def test_months_are_consecutive_across_the_new_year() -> None:
    stale = dict.fromkeys(["2024-12-01", "2025-01-01", "2025-03-01"], "a")
    found = plan("journal", stale, {}, {}, now_s=NOW, max_runs=10, retry_seconds=60, following=next_month)
    assert spans(found) == [("2025-03-01", "2025-03-01"), ("2024-12-01", "2025-01-01")]


def test_partitions_in_a_pending_run_are_not_requested() -> None:
    found = planned({DAY: "a"}, {DAY: Attempt(running=True)})
    assert (found.run_plans, found.running) == ((), (DAY,))
    assert not found.is_idle


def test_the_run_key_is_the_same_only_for_the_same_state_after_the_same_history() -> None:
    def key(*arguments: dict[str, str] | dict[str, Attempt] | dict[str, int]) -> str:
        (run_plan,) = planned(*arguments).run_plans  # type: ignore[arg-type]
        return run_plan.run_key

    first = key({DAY: "a"})
    assert first == key({DAY: "a"})
    others = {key({DAY: "b"}), key({DAY: "a"}, {}, {DAY: 7}), key({DAY: "a"}, {DAY: failed(1)})}
    assert len(others | {first}) == 4


@pytest.mark.parametrize(("number", "wait_s"), [(1, 60), (2, 300)])
def test_a_failed_run_is_requested_again_after_a_while(number: int, wait_s: int) -> None:
    attempts = {DAY: failed(number, ended_s=NOW)}
    early = planned({DAY: "a"}, attempts, now_s=NOW + wait_s - 1)
    assert (early.run_plans, early.backing_off) == ((), (DAY,))
    (run_plan,) = planned({DAY: "a"}, attempts, now_s=NOW + wait_s).run_plans
    assert run_plan.attempt == number + 1
    assert run_plan.run_key.endswith(f":{number + 1}")


def test_after_three_failures_a_partition_is_given_up() -> None:
    found = planned({DAY: "a"}, {DAY: failed(3)})
    assert (found.run_plans, found.exhausted) == ((), (DAY,))
    assert found.is_idle


@pytest.mark.parametrize("before", [failed(3, wanted="other"), failed(0, wanted=None)])
def test_a_new_state_or_a_failed_manual_run_restarts_the_count(before: Attempt) -> None:
    (run_plan,) = planned({DAY: "a"}, {DAY: before}, now_s=0).run_plans
    assert run_plan.attempt == 1


def test_dates_that_failed_together_are_retried_in_smaller_and_smaller_runs() -> None:
    dates = days(14)
    again = planned(dict.fromkeys(dates, "a"), dict.fromkeys(dates, failed(1)))
    assert [len(run_plan.wanted) for run_plan in again.run_plans] == [7, 7]
    alone = planned(dict.fromkeys(dates, "a"), dict.fromkeys(dates, failed(2)), max_runs=20)
    assert [len(run_plan.wanted) for run_plan in alone.run_plans] == [1] * 14


def test_a_tick_requests_at_most_the_allowed_runs_and_names_the_rest() -> None:
    found = planned(dict.fromkeys(days(9)[::2], "a"), max_runs=2)
    assert spans(found) == [("2025-01-09", "2025-01-09"), ("2025-01-07", "2025-01-07")]
    assert found.postponed == ("2025-01-01", "2025-01-03", "2025-01-05")
    assert "3 left for the next tick" in found.sentence()


def test_the_tags_of_a_run_say_what_it_was_requested_for() -> None:
    (run_plan,) = planned(dict.fromkeys(days(31), "0123456789ab")).run_plans
    assert run_requests.requested_state(run_plan.tags, "2025-01-31") == ("0123456789ab", 1)
    assert run_requests.requested_state(run_plan.tags, "2025-02-01") == (None, 1)
    assert run_requests.requested_state({}, DAY) == (None, 0)
    # The longest value that fits into a PostgreSQL index.
    assert max(map(len, run_plan.tags.values())) < 2700
