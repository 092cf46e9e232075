"""A run that dies between a table and its commit leaves no trace, even once its inputs are back to normal."""

from __future__ import annotations

from pathlib import Path

import pytest

from health_etl.lake import sweep
from health_etl.lake.store import Lake
from health_etl_tests.support import exports
from health_etl_tests.support.exports import memory_lake, steps
from health_etl_tests.support.pipeline import bring_up_to_date
from health_etl_tests.support.state import state_of

LAYERS = ("records/", "insights/", "training/")


class Killed(BaseException):
    """Simulates the end of the process."""


def derived_contents(lake: Lake) -> dict[str, bytes]:
    return state_of(lake, *LAYERS)


@pytest.mark.parametrize(
    "table", ["records/steps/2025-09-21", "records/utc_offsets/", "insights/steps/", "training/physical_activity/"]
)
def test_a_change_that_is_reverted_after_a_killed_run_leaves_no_trace(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = memory_lake()
    exports.put(lake, "steps", [steps("s1")])
    bring_up_to_date(lake)
    before = derived_contents(lake)
    late = exports.put(lake, "steps", [steps("s2", count=77, zone="-06:00")])
    original_create, written = Lake.create, []

    def create(self: Lake, key: str, content: bytes) -> bool:
        if key.startswith(table) and written:
            raise Killed
        return original_create(self, key, content)

    def put_file(self: Lake, key: str, path: Path) -> str:
        etag = original_put_file(self, key, path)
        if key.startswith(table):
            written.append(key)
        return etag

    original_put_file = Lake.put_file
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "create", create)
        patch.setattr(Lake, "put_file", put_file)
        with pytest.raises(Killed):
            bring_up_to_date(lake)
    assert [*sweep.unnamed(lake)] or derived_contents(lake) != before
    lake.delete([late])
    bring_up_to_date(lake)
    assert derived_contents(lake) == before
