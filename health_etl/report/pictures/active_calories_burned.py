"""Pictures of active energy: the hours of a day, the days of a range."""

from __future__ import annotations

import pandas as pd

from health_etl.report.pictures import hourly
from health_etl.report.pictures.base import Drawn, PersonDays, Picture

HOUR_COLUMN = "active_kcal_by_hour"


def of_person(days: PersonDays) -> Drawn | None:
    """Draw the hours of one day, or the totals of several."""
    return hourly.person(days, "active energy", "kcal", HOUR_COLUMN, "active_kcal_total")


def of_people(rows: pd.DataFrame, minimum_people: int) -> Drawn | None:
    """Draw the hours over people."""
    return hourly.people(rows, minimum_people, "active energy", "kcal", HOUR_COLUMN)


PICTURE = Picture(headline=("active_kcal_total", "partial_day"), of_person=of_person, of_people=of_people)
