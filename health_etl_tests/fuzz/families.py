"""The families of mutants: what they are made of, how they are run together, and their share of a fuzz run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from health_etl.record_types import record_types
from health_etl_tests.fuzz import (
    hostile_keys,
    hostile_messages,
    hostile_names,
    mutants,
    run_files,
    run_keys,
    run_messages,
    run_names,
)
from health_etl_tests.fuzz.seeds import Make, Mutant, Outcomes
from health_etl_tests.isolation.items import Store


@dataclass(frozen=True)
class Family:
    """Mutants of one kind of input. `batch` of them are run at once."""

    kinds: Mapping[str, Make[Any]]
    run: Callable[[Sequence[Mutant[Any]]], Outcomes]
    share: float
    batch: int


FAMILIES: Mapping[str, Family] = {
    **{
        f"files/{name}": Family(mutants.kinds_of(name), partial(run_files.run, name), 0.32 / len(record_types()), 200)
        for name in sorted(record_types())
    },
    "keys": Family(hostile_keys.kinds_on(Store.FOLDER), run_keys.run_in_folder, 0.28, 500),
    "messages": Family(hostile_messages.KINDS, run_messages.run, 0.34, 500),
    "names": Family(hostile_names.KINDS, run_names.run, 0.06, 300),
}
