"""Blood glucose: one reading at an instant, in mg/dL as the phone exports it. The tables never contain mmol/L."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from health_etl.record_types import common
from health_etl.record_types.base import Column, DayAnchor, RecordType, UnitRule

if TYPE_CHECKING:
    import pandas as pd

SPECIMEN_SOURCES = (
    "INTERSTITIAL_FLUID",
    "CAPILLARY_BLOOD",
    "PLASMA",
    "SERUM",
    "TEARS",
    "WHOLE_BLOOD",
    "UNKNOWN",
)
MEAL_TYPES = ("UNKNOWN", "BREAKFAST", "LUNCH", "DINNER", "SNACK")
RELATIONS_TO_MEAL = ("UNKNOWN", "GENERAL", "FASTING", "BEFORE_MEAL", "AFTER_MEAL")

MIN_MG_DL, MAX_MG_DL = 20, 600

COLUMNS = common.table_columns(
    common.INSTANT_COLUMNS,
    (
        Column(
            "glucose_mg_dl",
            pa.float64(),
            "Glucose level",
            unit="mg/dL",
            minimum=MIN_MG_DL,
            maximum=MAX_MG_DL,
            range_source="sanity range of the predecessor's specification; Health Connect allows 0-900",
        ),
        Column("specimen_source", pa.string(), "Fluid that was measured", allowed=SPECIMEN_SOURCES),
        Column("meal_type", pa.string(), "Meal that the reading belongs to", allowed=MEAL_TYPES),
        Column("relation_to_meal", pa.string(), "Before or after that meal", allowed=RELATIONS_TO_MEAL),
    ),
)


# A value in mmol/L (or in g/L, as in France) is below 33.3; one in mg/dL hardly ever is. Continuous monitors report 40
# to 400 mg/dL, meters 20 to 600, and a person in whom glucose stays below 33 mg/dL loses consciousness.
MG_DL_PER_MMOL_L = 18  # as in Health Connect
MAX_MMOL_L = MAX_MG_DL / MG_DL_PER_MMOL_L
# ASSUMPTIONS: what all readings of an app in a file must look like to be taken for another unit.
MIN_READINGS = 3  # one or two may be faults of the sensor, or true lows
MIN_SHARE_POSSIBLE = 0.9  # below MAX_MMOL_L
MIN_SHARE_IMPOSSIBLE = 0.5  # below MIN_MG_DL as well, which true lows are not: no meter reports such a value
LONG_LOWS = 8  # readings; or else so many, over so long, all of them too low for a conscious person
LONG_LOWS_HOURS = 2


def in_another_unit(rows: pd.DataFrame) -> pd.Series[bool]:
    """Mark all readings of an app in a file if they look as a whole like mmol/L or g/L.

    Zeros and values above the range of any meter are faults of the sensor and say nothing about the unit.
    """
    level = rows["glucose_mg_dl"]
    is_low = (level > 0) & (level < MAX_MMOL_L)
    if not is_low.any():
        return is_low
    apps = rows.groupby(["source_key", "source_app"], dropna=False).ngroup()
    readings = rows.assign(is_low=is_low, is_impossible=is_low & (level < MIN_MG_DL))[
        (level > 0) & (level <= MAX_MG_DL)
    ]
    found = readings.groupby(apps.loc[readings.index]).agg(
        count=("is_low", "size"),
        possible=("is_low", "mean"),
        impossible=("is_impossible", "mean"),
        first=("time_utc", "min"),
        last=("time_utc", "max"),
    )
    is_long = (found["count"] >= LONG_LOWS) & (found["last"] - found["first"] >= timedelta(hours=LONG_LOWS_HOURS))
    is_suspect = (
        (found["count"] >= MIN_READINGS)
        & (found["possible"] >= MIN_SHARE_POSSIBLE)
        & ((found["impossible"] >= MIN_SHARE_IMPOSSIBLE) | is_long)
    )
    return apps.isin(found.index[is_suspect])


def flatten(records: pa.Table) -> pa.Table:
    """Return one row per reading."""
    arrays = {
        **common.common_arrays(records),
        **common.instant_arrays(records),
        "glucose_mg_dl": records["levelInMilligramsPerDeciliter"],
        "specimen_source": pc.fill_null(records["specimenSource"], common.UNKNOWN),
        "meal_type": pc.fill_null(records["mealType"], common.UNKNOWN),
        "relation_to_meal": pc.fill_null(records["relationToMeal"], common.UNKNOWN),
    }
    return pa.table({column.name: arrays[column.name] for column in COLUMNS})


RECORD_TYPE = RecordType(
    name="blood_glucose",
    avro_name="BloodGlucoseRecord",
    title="Blood glucose",
    description="Glucose readings of continuous monitors and meters.",
    domain="metabolic_diabetes",
    avro_schema=common.avro_schema(
        "BloodGlucoseRecord",
        common.INSTANT_FIELDS,
        [
            {"name": "levelInMilligramsPerDeciliter", "type": "double"},
            common.optional_enum("specimenSource", "AvroBloodGlucoseSpecimenSource", SPECIMEN_SOURCES),
            common.optional_enum("mealType", "AvroBloodGlucoseMealType", MEAL_TYPES),
            common.optional_enum("relationToMeal", "AvroBloodGlucoseRelationToMeal", RELATIONS_TO_MEAL),
        ],
    ),
    columns=COLUMNS,
    flatten=flatten,
    day_anchor=DayAnchor.INSTANT,
    code_version="1",
    unit_rule=UnitRule(
        "glucose_mg_dl", "the readings of an app do not look as a whole like mmol/L or g/L", in_another_unit
    ),
    sort_by=("time_utc",),
)
