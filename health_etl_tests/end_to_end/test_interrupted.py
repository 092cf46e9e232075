"""A run that dies between a table and its manifest does not look finished, even once its inputs are back to normal."""

from __future__ import annotations

import pytest

from health_etl.lake.store import Lake
from health_etl_tests.support import exports
from health_etl_tests.support.exports import memory_lake, steps
from health_etl_tests.support.pipeline import bring_up_to_date

LAYERS = ("records/", "insights/", "training/")


class Killed(BaseException):
    """Simulates the end of the process."""


def derived_contents(lake: Lake) -> dict[str, bytes]:
    return {key: content for layer in LAYERS for key, content in exports.contents(lake, layer).items()}


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
    original_put, written = Lake.put, []

    def put(self: Lake, key: str, content: bytes) -> None:
        if key.startswith(table) and key.endswith("manifest.json") and written:
            raise Killed
        original_put(self, key, content)

    def put_file(self: Lake, key: str, path: object) -> None:
        original_put_file(self, key, path)  # type: ignore[arg-type]
        if key.startswith(table):
            written.append(key)

    original_put_file = Lake.put_file
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "put", put)
        patch.setattr(Lake, "put_file", put_file)
        with pytest.raises(Killed):
            bring_up_to_date(lake)
    assert derived_contents(lake) != before
    lake.delete([late])
    bring_up_to_date(lake)
    assert derived_contents(lake) == before
