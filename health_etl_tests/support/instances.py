"""The Dagster instance of a DAGSTER_HOME, as a process that runs with it sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest


@contextmanager
def instance_at(home: str) -> Iterator[dg.DagsterInstance]:
    """Open the instance in this folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", home)
        with dg.DagsterInstance.from_config(home) as instance:
            yield instance
