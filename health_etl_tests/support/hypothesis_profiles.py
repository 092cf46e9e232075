"""Hypothesis profiles: a few fixed examples by default, many with TEST_HEALTH_ETL_HYPOTHESIS=thorough."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SUPPRESSED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "quick", max_examples=6, derandomize=True, deadline=None, database=None, suppress_health_check=_SUPPRESSED
)
settings.register_profile(
    "thorough", max_examples=150, deadline=None, suppress_health_check=_SUPPRESSED, print_blob=True
)


def active_profile() -> settings:
    """Return the profile named in the environment."""
    return settings.get_profile(os.environ.get("TEST_HEALTH_ETL_HYPOTHESIS", "quick"))
