"""Glucose exports to training lines, as somebody writes it in an hour: plain_script.py LAKE OUT.jsonl

fastavro and dictionaries: a range check, the latest version of each record, statistics of each person and UTC day, one
JSON line for each. No quarantine, no time zones, no checks, and all of it again each time.
"""

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro

LOWEST_MG_DL, HIGHEST_MG_DL = 20, 600
IN_RANGE_MG_DL = (70, 180)


def readings(lake: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the person and the record of every plausible reading."""
    for path in sorted(lake.glob("raw/BloodGlucoseRecord/*/*/*/*.avro")):
        person = path.name.split("_")[0]
        with path.open("rb") as file:
            record: Any
            for record in fastavro.reader(file):
                if LOWEST_MG_DL <= record["levelInMilligramsPerDeciliter"] <= HIGHEST_MG_DL:
                    yield person, record


def latest(lake: Path) -> dict[tuple[str, str], tuple[int, float]]:
    """Return time and level of the latest version of each person's records, by person and record id."""
    versions: dict[tuple[str, str], tuple[int, int]] = {}
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for person, record in readings(lake):
        metadata = record["metadata"]
        key = (person, metadata["id"])
        version = (metadata["clientRecordVersion"], metadata["lastModifiedTimeEpochMillis"])
        if key not in versions or version > versions[key]:
            versions[key] = version
            found[key] = (record["timeEpochMillis"], record["levelInMilligramsPerDeciliter"])
    return found


def by_day(lake: Path) -> dict[tuple[str, str], list[float]]:
    """Return the levels of each person and UTC date."""
    days: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (person, _), (time_ms, mg_dl) in latest(lake).items():
        days[person, datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()].append(mg_dl)
    return days


def line(person: str, day: str, levels: list[float]) -> dict[str, Any]:
    """Return the training line of a day."""
    low, high = IN_RANGE_MG_DL
    mean = statistics.fmean(levels)
    deviation = statistics.stdev(levels) if len(levels) > 1 else 0.0
    below = 100 * sum(level < low for level in levels) / len(levels)
    above = 100 * sum(level > high for level in levels) / len(levels)
    return {
        "instruction": "Describe this day of glucose readings.",
        "input": f"readings {len(levels)}, mean {mean:.1f} mg/dL, SD {deviation:.1f} mg/dL, in range "
        f"{100 - below - above:.1f} %, below {below:.1f} %, above {above:.1f} %",
        "output": f"The {len(levels)} readings of {day} averaged {mean:.1f} mg/dL; {100 - below - above:.1f} % were "
        f"in range, {below:.1f} % below it and {above:.1f} % above.",
        "metadata": {"person": person, "date": day},
    }


def main() -> None:
    """Read the lake and write the lines."""
    lake, out = map(Path, sys.argv[1:])
    with out.open("w", encoding="utf-8") as file:
        for (person, day), levels in sorted(by_day(lake).items()):
            file.write(json.dumps(line(person, day, levels)) + "\n")


if __name__ == "__main__":
    main()
