"""Pictures of steps: the hours of a day, the days of a range."""

from __future__ import annotations

import pandas as pd

from health_etl.report.pictures import hourly
from health_etl.report.pictures.base import Drawn, PersonDays, Picture

HOUR_COLUMN = "steps_by_hour"


def of_person(days: PersonDays) -> Drawn | None:
    """Draw the hours of one day, or the totals of several."""
    return hourly.person(days, "steps", "steps", HOUR_COLUMN, "steps_total")


def of_people(rows: pd.DataFrame, minimum_people: int) -> Drawn | None:
    """Draw the hours over people."""
    return hourly.people(rows, minimum_people, "steps", "steps", HOUR_COLUMN)


PICTURE = Picture(
    headline=("steps_total", "activity_category", "partial_day"), of_person=of_person, of_people=of_people
)
