"""Two sensors that tick at the same time do not both request the same state of a partition."""

from __future__ import annotations

from health_etl.orchestration.sensors.pending_requests import EXPIRY_SECONDS, PendingRequests

WANTED = {"2025-09-20": "a", "2025-09-21": "b"}


def test_what_one_sensor_requested_others_leave_alone_but_it_may_request_again() -> None:
    pending = PendingRequests()
    pending.make("steps", {"2025-09-21": "b"}, "events", 0)
    assert pending.of_others("steps", WANTED, "lake", 1) == {"2025-09-21"}
    assert pending.of_others("steps", WANTED, "events", 1) == set()
    assert pending.of_others("heart_rate", WANTED, "lake", 1) == set()


def test_a_request_for_an_older_state_does_not_cover_a_newer_one() -> None:
    pending = PendingRequests()
    pending.make("steps", {"2025-09-21": "before"}, "events", 0)
    assert pending.of_others("steps", WANTED, "lake", 1) == set()


def test_a_request_expires_so_that_a_dead_sensor_does_not_block_others() -> None:
    pending = PendingRequests()
    pending.make("steps", WANTED, "events", 0)
    assert pending.of_others("steps", WANTED, "lake", EXPIRY_SECONDS) == set()


def test_a_request_is_forgotten_when_its_sensor_is_evaluated_again() -> None:
    pending = PendingRequests()
    pending.make("steps", WANTED, "events", 0)
    pending.make("sleep", WANTED, "lake", 0)
    pending.begin("events")
    assert pending.of_others("steps", WANTED, "lake", 1) == set()
    assert pending.of_others("sleep", WANTED, "events", 1) == set(WANTED)
