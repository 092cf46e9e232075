"""Blood glucose: one reading at an instant, in mg/dL as the phone exports it. The tables never contain mmol/L."""

from __future__ import annotations

import pyarrow as pa

from health_etl.record_types import common
from health_etl.record_types.base import Column, DayAnchor, RecordType

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

COLUMNS = common.table_columns(
    common.INSTANT_COLUMNS,
    (
        Column(
            "glucose_mg_dl",
            pa.float64(),
            "Glucose level",
            unit="mg/dL",
            minimum=20,
            maximum=600,
            range_source="sanity range of the predecessor's specification; Health Connect allows 0-900",
        ),
        Column("specimen_source", pa.string(), "Fluid that was measured", allowed=SPECIMEN_SOURCES),
        Column("meal_type", pa.string(), "Meal that the reading belongs to", allowed=MEAL_TYPES),
        Column("relation_to_meal", pa.string(), "Before or after that meal", allowed=RELATIONS_TO_MEAL),
    ),
)


def flatten(records: pa.Table) -> pa.Table:
    """Return one row per reading."""
    arrays = {
        **common.common_arrays(records),
        **common.instant_arrays(records),
        "glucose_mg_dl": records["levelInMilligramsPerDeciliter"],
        "specimen_source": records["specimenSource"],
        "meal_type": records["mealType"],
        "relation_to_meal": records["relationToMeal"],
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
            {
                "name": "specimenSource",
                "type": common.avro_enum("AvroBloodGlucoseSpecimenSource", SPECIMEN_SOURCES),
            },
            {"name": "mealType", "type": common.avro_enum("AvroBloodGlucoseMealType", MEAL_TYPES)},
            {
                "name": "relationToMeal",
                "type": common.avro_enum("AvroBloodGlucoseRelationToMeal", RELATIONS_TO_MEAL),
            },
        ],
    ),
    columns=COLUMNS,
    flatten=flatten,
    day_anchor=DayAnchor.INSTANT,
    code_version="1",
    sort_by=("time_utc",),
)
