"""Writer's schemas of the simulated phone app. The reader's schemas belong in record_types/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMESPACE = "io.github.health_etl.sample"

SPECIMEN_SOURCES = [
    "INTERSTITIAL_FLUID",
    "CAPILLARY_BLOOD",
    "PLASMA",
    "SERUM",
    "TEARS",
    "WHOLE_BLOOD",
    "UNKNOWN",
]
MEAL_TYPES = ["UNKNOWN", "BREAKFAST", "LUNCH", "DINNER", "SNACK"]
RELATIONS_TO_MEAL = ["UNKNOWN", "GENERAL", "FASTING", "BEFORE_MEAL", "AFTER_MEAL"]
SLEEP_STAGES = ["UNKNOWN", "AWAKE", "SLEEPING", "OUT_OF_BED", "LIGHT", "DEEP", "REM"]  # no AWAKE_IN_BED

Field = dict[str, Any]


def _field(name: str, avro_type: object) -> Field:
    return {"name": name, "type": avro_type}


def _optional(name: str, avro_type: object) -> Field:
    return {"name": name, "type": ["null", avro_type], "default": None}


def _list(name: str, item: object) -> Field:
    return {"name": name, "type": {"type": "array", "items": item}, "default": []}


def _enum(name: str, symbols: list[str]) -> Field:
    return {"type": "enum", "name": name, "symbols": symbols}


def _nested(name: str, *fields: Field) -> Field:
    return {"type": "record", "name": name, "fields": list(fields)}


def _record(record_type: str, *fields: Field) -> Field:
    device = _nested(
        "AvroDevice",
        _optional("manufacturer", "string"),
        _optional("model", "string"),
        _optional("type", "string"),
    )
    metadata = _nested(
        "AvroMetadata",
        _field("id", "string"),
        _field("dataOriginPackageName", "string"),
        _field("lastModifiedTimeEpochMillis", "long"),
        _optional("clientRecordId", "string"),
        _field("clientRecordVersion", "long"),
        _optional("device", device),
    )
    return {
        "type": "record",
        "name": f"Avro{record_type}",
        "namespace": NAMESPACE,
        "fields": [_field("metadata", metadata), *fields],
    }


_FETCHED = _field("appRecordFetchTimeEpochMillis", "long")
_INSTANT = (_field("timeEpochMillis", "long"), _optional("zoneOffsetId", "string"))
_INTERVAL = (
    _field("startTimeEpochMillis", "long"),
    _field("endTimeEpochMillis", "long"),
    _optional("startZoneOffsetId", "string"),
    _optional("endZoneOffsetId", "string"),
)

WRITER_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "BloodGlucoseRecord": _record(
        "BloodGlucoseRecord",
        *_INSTANT,
        _field("levelInMilligramsPerDeciliter", "double"),
        _field("specimenSource", _enum("AvroBloodGlucoseSpecimenSource", SPECIMEN_SOURCES)),
        _field("mealType", _enum("AvroBloodGlucoseMealType", MEAL_TYPES)),
        _field("relationToMeal", _enum("AvroBloodGlucoseRelationToMeal", RELATIONS_TO_MEAL)),
        _FETCHED,
    ),
    "HeartRateRecord": _record(
        "HeartRateRecord",
        *_INTERVAL,
        _FETCHED,
        _list(
            "samples",
            _nested("AvroHeartRateSample", _field("timeEpochMillis", "long"), _field("beatsPerMinute", "long")),
        ),
    ),
    "SleepSessionRecord": _record(
        "SleepSessionRecord",
        _optional("title", "string"),
        _optional("notes", "string"),
        *_INTERVAL,
        _optional("durationMillis", "long"),
        _FETCHED,
        _list(
            "stages",
            _nested(
                "AvroSleepStageRecord",
                _field("startTimeEpochMillis", "long"),
                _field("endTimeEpochMillis", "long"),
                _field("stage", _enum("AvroSleepStageType", SLEEP_STAGES)),
            ),
        ),
    ),
    "StepsRecord": _record("StepsRecord", *_INTERVAL, _field("count", "long"), _FETCHED),
    "ActiveCaloriesBurnedRecord": _record(
        "ActiveCaloriesBurnedRecord", *_INTERVAL, _field("energyInKilocalories", "double"), _FETCHED
    ),
    "HeartRateVariabilityRmssdRecord": _record(
        "HeartRateVariabilityRmssdRecord", *_INSTANT, _field("heartRateVariabilityRmssd", "double"), _FETCHED
    ),
}
