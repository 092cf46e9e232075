"""Dagster's instance of a folder, as whoever runs with that DAGSTER_HOME has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest


@contextmanager
def instance_at(home: str) -> Iterator[dg.DagsterInstance]:
    """Open the instance; its storage follows DAGSTER_HOME."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", home)
        with dg.DagsterInstance.from_config(home) as instance:
            yield instance
