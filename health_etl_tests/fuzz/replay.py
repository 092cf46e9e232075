"""`python -m health_etl_tests.fuzz.replay SEED`: make one mutant again, show it, and run it alone."""

from __future__ import annotations

import sys

from health_etl_tests.fuzz.families import FAMILIES
from health_etl_tests.fuzz.seeds import remake


def main(seed: str) -> None:
    """Show the mutant and what becomes of it; what fails, fails here again."""
    name = next(name for name in FAMILIES if seed.startswith(f"{name}/"))
    family = FAMILIES[name]
    mutant = remake(seed, name, family.kinds)
    print(f"{seed}\n{mutant.content!r}")  # noqa: T201
    for (stage, outcome), _ in family.run([mutant]):
        print(f"{stage}: {outcome}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
