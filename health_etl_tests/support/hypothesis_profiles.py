"""Hypothesis profiles: 50 fixed examples by default, 1,000 with TEST_HEALTH_ETL_HYPOTHESIS=thorough (`make soak`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SUPPRESSED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "quick", max_examples=50, derandomize=True, deadline=None, database=None, suppress_health_check=_SUPPRESSED
)
settings.register_profile(
    "thorough", max_examples=1000, deadline=None, suppress_health_check=_SUPPRESSED, print_blob=True
)


def active_profile() -> settings:
    """Return the profile named in the environment."""
    return settings.get_profile(os.environ.get("TEST_HEALTH_ETL_HYPOTHESIS", "quick"))


def end_to_end_profile() -> settings:
    """Return it with an eighth of the examples: one that runs the whole pipeline takes 3 to 6 processor seconds."""
    return settings(active_profile(), max_examples=active_profile().max_examples // 8)
