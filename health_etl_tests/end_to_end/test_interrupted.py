"""A run that dies between a table and its commit leaves no trace, even once its inputs are back to normal."""

from __future__ import annotations

import pytest
from obstore.store import MemoryStore

from health_etl.lake import sweep
from health_etl.lake.store import Lake
from health_etl_tests.support import exports
from health_etl_tests.support.exports import steps
from health_etl_tests.support.pipeline import bring_up_to_date
from health_etl_tests.support.racing import OvertakenLake
from health_etl_tests.support.state import journal_files, state_of


class Killed(BaseException):
    """Simulates the end of the process."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize(
    "folder", ["records/steps/2025-09-21", "records/utc_offsets/", "insights/steps/", "training/physical_activity/"]
)
def test_a_change_that_is_reverted_after_a_killed_run_leaves_no_trace(folder: str) -> None:
    store = MemoryStore()
    lake = Lake(store, "memory://lake")
    exports.put(lake, "steps", [steps("s1")])
    bring_up_to_date(lake)
    before, files = state_of(lake), journal_files(lake)
    late = exports.put(lake, "steps", [steps("s2", count=77, zone="-06:00")])
    killed = OvertakenLake(store)
    killed.other, killed.moment = die, ("before commit", folder)
    with pytest.raises(Killed):
        bring_up_to_date(killed)
    assert [*sweep.unnamed(lake)] or journal_files(lake) != files  # its work was cut off in the middle
    lake.delete([late])
    bring_up_to_date(lake)
    assert state_of(lake) == before
