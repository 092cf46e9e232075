"""How many cores, how much memory and storage for so many people a day: a calculation from measured figures."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.results import Results

NEEDED = ("mixed", "new_file", "unchanged", "memory")  # figures
SECONDS_A_DAY = 86_400
RUNS_A_DAY = 1_440  # ASSUMPTION: uploads arrive at all hours, and a run begins every minute
UTILISATION = 0.5  # ASSUMPTION: the busiest hours have twice the average
MB_PER_GB, GB_PER_TB = 1_000, 1_000


@dataclass(frozen=True)
class Sizing:
    """What a day of so many people takes. `together`: all uploads of the day in one run; `apart`: a run a minute."""

    people_a_day: int
    processor_s_together: float
    processor_s_apart: float
    memory_gb: float
    storage_tb_a_year: float

    @property
    def cores_together(self) -> int:
        """Cores of the measured machine, busy half of the time."""
        return _cores(self.processor_s_together)

    @property
    def cores_apart(self) -> int:
        """Cores of the measured machine, busy half of the time."""
        return _cores(self.processor_s_apart)


def sizing(people_a_day: int, results: Results) -> Sizing:
    """Calculate it for people who upload all six types as the synthetic ones do.

    Memory is one run a core at the highest peak measured. Raises KeyError if a figure of `NEEDED` was not measured.
    """
    mixed, new_file, unchanged, memory = (results.figures[key] for key in NEEDED)
    facts = mixed.facts
    files = facts["files"] / facts["people_days"]
    together = people_a_day * mixed.measured / facts["people_days"]
    apart = people_a_day * files * new_file.measured + RUNS_A_DAY * unchanged.measured
    peak_mb = max(facts["peak_mb"], memory.measured)
    stored_mb = (facts["raw_mb"] + facts["made_mb"]) / facts["people_days"]
    return Sizing(
        people_a_day=people_a_day,
        processor_s_together=together,
        processor_s_apart=apart,
        memory_gb=_cores(max(together, apart)) * peak_mb / MB_PER_GB,
        storage_tb_a_year=people_a_day * 365 * stored_mb / MB_PER_GB / GB_PER_TB,
    )


def _cores(processor_s: float) -> int:
    return math.ceil(processor_s / SECONDS_A_DAY / UTILISATION)
