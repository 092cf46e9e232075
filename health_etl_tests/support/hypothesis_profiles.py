"""How many examples the property tests try: the same few in CI, a thousand with HEALTH_ETL_TEST_HYPOTHESIS=thorough."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW_IS_RIGHT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "quick", max_examples=50, derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW_IS_RIGHT
)
settings.register_profile(
    "thorough", max_examples=1000, deadline=None, suppress_health_check=_SLOW_IS_RIGHT, print_blob=True
)


def chosen() -> settings:
    """Return the profile that the environment names."""
    return settings.get_profile(os.environ.get("HEALTH_ETL_TEST_HYPOTHESIS", "quick"))


def chosen_for_whole_runs() -> settings:
    """Return it with an eighth of the examples: each runs the pipeline several times, for 3 to 5 processor seconds."""
    return settings(chosen(), max_examples=chosen().max_examples // 8)
