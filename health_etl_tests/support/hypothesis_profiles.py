"""How many examples the property tests try: a few, always the same; many with TEST_HEALTH_ETL_HYPOTHESIS=thorough."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW_IS_RIGHT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "quick", max_examples=6, derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW_IS_RIGHT
)
settings.register_profile(
    "thorough", max_examples=150, deadline=None, suppress_health_check=_SLOW_IS_RIGHT, print_blob=True
)


def active_profile() -> settings:
    """Return the profile that the environment names."""
    return settings.get_profile(os.environ.get("TEST_HEALTH_ETL_HYPOTHESIS", "quick"))
