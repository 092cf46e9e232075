"""From selected measurements to what was measured on each person-day. Pure: frames in, frames out.

Look-back and texts belong to writer.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from health_etl.clinical.common.base import ClinicalOptions, Narrator, Processor
from health_etl.clinical.common.columns import day_places
from health_etl.days.batching import split_by_partition, unqualify_people
from health_etl.days.profiles import Profiles, add_profiles
from health_etl.days.pseudonym import source_file, subjects
from health_etl.days.select import Selection
from health_etl.days.source_labels import ranked_ids
from health_etl.insights.table import CONTEXT, PROFILE, check_computed, day_schema
from health_etl.insights.texts import example_id
from health_etl.lake.tables import empty_frame
from health_etl.records.local_time import PERSON_DAY


def analyse(
    selection: Selection,
    processor: Processor,
    options: ClinicalOptions,
    qualities: Mapping[str, float],
    pseudonym_key: str,
    profiles: Profiles,
) -> pd.DataFrame:
    """Return one row per person-day: context and metrics, withdrawn days included; no trends or texts yet.

    qualities: the quality score of every source file by key; profiles: as in days/profiles.py.
    """
    measured = _measured(selection, processor, options, qualities, pseudonym_key, profiles)
    return day_rows(measured, selection.withdrawn, processor, pseudonym_key)


def analyse_batch(
    partitions: Sequence[str],
    selection: Selection,
    processor: Processor,
    options: ClinicalOptions,
    qualities: Mapping[str, float],
    pseudonym_key: str,
    profiles: Profiles,
) -> dict[str, pd.DataFrame]:
    """Return the rows of each of these partitions, selected in one batch; the same as `analyse` for each alone."""
    if len(partitions) == 1:
        return {partitions[0]: analyse(selection, processor, options, qualities, pseudonym_key, profiles)}
    measured = _measured(selection, processor, options, qualities, pseudonym_key, profiles)
    gone = split_by_partition(selection.withdrawn, "user_id")
    days = {} if measured is None else split_by_partition(measured, "user_id")
    none = selection.withdrawn.head(0)
    return {name: day_rows(days.get(name), gone.get(name, none), processor, pseudonym_key) for name in partitions}


def _measured(
    selection: Selection,
    processor: Processor,
    options: ClinicalOptions,
    qualities: Mapping[str, float],
    pseudonym_key: str,
    profiles: Profiles,
) -> pd.DataFrame | None:
    if not len(selection.days):
        return None
    people = selection.days["user_id"]
    days = add_profiles(selection.days.assign(user_id=unqualify_people(people)), profiles).assign(user_id=people)
    by_id = replace(options, app_priority=ranked_ids(options.app_priority))
    metrics = processor.analyse(selection.rows, days, by_id)
    sources = _sources(selection.rows, days, qualities, pseudonym_key)
    return days.merge(sources, on=PERSON_DAY).merge(metrics, on=PERSON_DAY)


def day_rows(
    measured: pd.DataFrame | None, withdrawn: pd.DataFrame, processor: Narrator, pseudonym_key: str
) -> pd.DataFrame:
    """Return measured and withdrawn days (user_id, local_date) as the day columns of the insights table, in order.

    Raises PermanentError unless `measured` holds exactly what the processor declares, beside profile and context.
    """
    if measured is not None:
        shared = [*PERSON_DAY, *(column.name for column in (*PROFILE, *CONTEXT))]
        check_computed(processor, measured.columns, [*shared, *(metric.name for metric in processor.metrics)])
    frames = [measured.assign(withdrawn=False)] if measured is not None and len(measured) else []
    frames += [withdrawn.assign(withdrawn=True)] if len(withdrawn) else []
    names = day_schema(processor).names
    if not frames:
        return empty_frame(day_schema(processor))
    rows = pd.concat(frames, ignore_index=True).assign(retold=False).reindex(columns=[*names])
    rows["subject"] = subjects(rows["user_id"], pseudonym_key)
    rows["example_id"] = [
        example_id(subject, processor.name, day)
        for subject, day in zip(rows["subject"], rows["local_date"], strict=True)
    ]
    ordered: pd.DataFrame = rows.sort_values(["subject", "local_date"], ignore_index=True)
    return ordered


def _sources(
    rows: pd.DataFrame, days: pd.DataFrame, qualities: Mapping[str, float], pseudonym_key: str
) -> pd.DataFrame:
    """Return source_keys, source_files and quality_score (mean over measurements) of every person-day with rows."""
    day = day_places(rows, days)
    file, names = pd.factorize(rows["source_key"], sort=True)
    scores = pd.Series(names).map(qualities).to_numpy(dtype=np.float64)
    mine = day >= 0
    quality = pd.Series(scores[file[mine]]).groupby(day[mine]).mean().round(6)
    pairs = np.unique(day[mine] * len(names) + file[mine])
    bounds = [*np.searchsorted(pairs, quality.index.to_numpy() * len(names)).tolist(), len(pairs)]
    source_keys = names.take(pairs % max(len(names), 1)).tolist()
    ids = {name: source_file(name, pseudonym_key) for name in names}
    lists = [source_keys[start:end] for start, end in pairwise(bounds)]
    found = days[PERSON_DAY].iloc[quality.index].reset_index(drop=True)
    return found.assign(
        quality_score=quality.to_numpy(),
        source_keys=pd.Series(lists, dtype="object"),
        source_files=pd.Series([sorted(ids[name] for name in one) for one in lists], dtype="object"),
    )
