"""What Dagster is given changes only on purpose: the definitions are compared with definitions_snapshot.json."""

from __future__ import annotations

import json

from health_etl_tests.support.definitions_snapshot import SNAPSHOT, snapshot

UPDATE = "python -m health_etl_tests.support.definitions_snapshot"


def test_the_definitions_match_the_snapshot() -> None:
    found, expected = json.loads(snapshot()), json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert found == expected, f"if this is what you want, run `{UPDATE}` and commit the difference"
