"""A tick that waits answers as soon as something came, and no later than its time."""

from __future__ import annotations

import pytest

from health_etl.orchestration.sensors import long_poll
from health_etl.orchestration.sensors.long_poll import LongPoll


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(long_poll, "time", found)
    monkeypatch.setattr(long_poll, "SECONDS", 4.0)
    return found


def test_it_answers_as_soon_as_something_came(clock: Clock) -> None:
    assert LongPoll().wait_for(lambda: clock.now_s >= 1)
    assert clock.now_s == 1


def test_it_gives_up_when_the_ticks_time_is_over_however_often_it_waited(clock: Clock) -> None:
    tick = LongPoll()
    assert not tick.wait_for(lambda: False)
    assert clock.now_s == 4
    assert not tick.wait_for(lambda: True)
    assert clock.now_s == 4
