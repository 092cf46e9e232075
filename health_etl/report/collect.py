"""Collecting what the lake holds on one person's days: the latest insights of every type, and their measurements.

How it is shown belongs to page.py and pictures/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import pandas as pd

from health_etl.clinical import day_processor, processors
from health_etl.clinical.common.base import Narrator
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.days.select import rows_on_dates
from health_etl.days.source_labels import ranked_ids, with_source_ids
from health_etl.errors import PermanentError
from health_etl.insights.table import schema
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import empty_frame, frame_of, read_table
from health_etl.record_types import record_types
from health_etl.report.pictures.base import PersonDays
from health_etl.settings import Settings, zone_of


@dataclass(frozen=True)
class Collected:
    """One kind of insights on one person's days; `latest_upload` is the latest partition that has them."""

    processor: Narrator
    days: PersonDays
    latest_upload: str


@dataclass(frozen=True)
class Period:
    """The local days that a report covers, both ends included."""

    first: date
    last: date

    @property
    def dates(self) -> list[str]:
        """Every day, YYYY-MM-DD."""
        return _dates(self.first, self.last)

    @property
    def is_one_day(self) -> bool:
        """Whether it is a single day."""
        return self.first == self.last

    def __str__(self) -> str:
        return self.first.isoformat() if self.is_one_day else f"{self.first} to {self.last}"


def collect(lake: Lake, settings: Settings, user_id: str, period: Period) -> list[Collected]:
    """Return the insights on a person's days: the day across types first, then each type that has one of the days.

    Raises PermanentError when there are none, naming the days that do have insights.
    """
    catalogue = Catalogue(lake)
    collected = [_collect_one(lake, catalogue, settings, processor, user_id, period) for processor in _processors()]
    found = [one for one in collected if len(one.days.insights)]
    if not found:
        raise _nothing(lake, catalogue, user_id, period)
    return found


def _processors() -> list[Narrator]:
    return [day_processor(), *processors().values()]


def _collect_one(
    lake: Lake, catalogue: Catalogue, settings: Settings, processor: Narrator, user_id: str, period: Period
) -> Collected:
    dates = period.dates
    before = _dates(period.first - timedelta(days=int(LOOK_BACK_DAYS)), period.first - timedelta(days=1))
    rows = _latest(lake, catalogue, processor, user_id, [*before, *dates])
    insights = rows[rows["local_date"].isin(dates)].reset_index(drop=True)
    measurements = partial(_measurements, lake, catalogue, settings, processor.name, user_id, dates)
    days = PersonDays(
        insights.drop(columns="partition"),
        rows[rows["local_date"].isin(before)].drop(columns="partition").reset_index(drop=True),
        measurements,
        ranked_ids(settings.app_priority),
    )
    return Collected(processor, days, insights["partition"].max() if len(insights) else "")


def _latest(lake: Lake, catalogue: Catalogue, processor: Narrator, user_id: str, dates: Sequence[str]) -> pd.DataFrame:
    """Return the latest insight on each of the dates, sorted by date, with its `partition`."""
    months = {day[:7] for day in dates}
    manifests = catalogue.insights(processor.name)
    used = [name for name in manifests if not months.isdisjoint(manifests[name].details["local_months"])]
    frames = [_read(lake, processor, manifests[name], user_id) for name in used]
    frames = [frame[frame["local_date"].isin(dates)] for frame in frames]
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return empty_frame(schema(processor)).assign(partition=pd.Series(dtype="str"))
    rows = pd.concat(frames, ignore_index=True).drop_duplicates("local_date", keep="last")
    return rows[~rows["withdrawn"].astype(bool)].sort_values("local_date", ignore_index=True)


def _read(lake: Lake, processor: Narrator, manifest: DerivedManifest, user_id: str) -> pd.DataFrame:
    table = read_table(lake, manifest.table_key, people=[user_id])
    if table.schema.names != schema(processor).names:
        raise PermanentError(
            f"The insights of {processor.name} were written by another version of health_etl; "
            "run `health-etl run`, then create the report again."
        )
    return frame_of(table).assign(partition=manifest.partition)


def _measurements(
    lake: Lake, catalogue: Catalogue, settings: Settings, name: str, user_id: str, dates: Sequence[str]
) -> pd.DataFrame:
    rows = rows_on_dates(
        lake,
        record_types()[name],
        [user_id],
        dates,
        catalogue.records(name),
        catalogue.offsets,
        zone_of(settings.default_time_zone),
    )
    return with_source_ids(rows)


def _nothing(lake: Lake, catalogue: Catalogue, user_id: str, period: Period) -> PermanentError:
    dates: set[str] = set()
    for processor in _processors():
        for manifest in catalogue.insights(processor.name).values():
            columns = ["local_date", "withdrawn"]
            rows = read_table(lake, manifest.table_key, columns=columns, people=[user_id]).to_pandas()
            dates.update(rows.loc[~rows["withdrawn"], "local_date"])
    if not dates:
        return PermanentError(
            f"The lake holds no insights of {user_id}: check the user id, or run `health-etl run` after an upload."
        )
    return PermanentError(
        f"The lake holds no insights of {user_id} for {period}; there are {len(dates)} days from {min(dates)} "
        f"to {max(dates)}."
    )


def _dates(first: date, last: date) -> list[str]:
    return [(first + timedelta(days=step)).isoformat() for step in range((last - first).days + 1)]
