"""A message that cannot be used costs only itself, and of its records only the bad ones."""

from __future__ import annotations

from datetime import date

import pytest

from health_etl.planning.upload_messages import MessageFilter, parse
from health_etl_tests.isolation.bad_messages import MESSAGES, TEST_EVENT, BadMessage

FILTER = MessageFilter(None, "", date(2020, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_a_bad_message_is_refused_with_its_reason_and_its_good_records_are_read(message: BadMessage) -> None:
    found = parse(message.body, FILTER)
    assert (found.refusals, found.partitions) == ((message.refusal,), message.partitions)


def test_the_test_event_of_a_server_is_no_dead_letter() -> None:
    found = parse(TEST_EVENT, FILTER)
    assert (found.refusals, found.partitions) == ((), frozenset())
