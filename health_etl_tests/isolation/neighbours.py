"""The good uploads beside a bad item, and what the lake holds of the people who made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cache

from health_etl.days.pseudonym import subject
from health_etl.insights.partition import InsightOptions
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_table
from health_etl_tests.support.exports import ANNA, BEN, NOON, blood_glucose, memory_lake, put, steps
from health_etl_tests.support.pipeline import OPTIONS, bring_up_to_date
from health_etl_tests.support.state import is_accounts, state_of

PEOPLE = (ANNA, BEN)
TABLES = ("records/", "insights/", "training/")
OFFSETS = "records/utc_offsets/"  # made of records, after them


def put_good(lake: Lake) -> None:
    """Upload what must come through whatever lies beside it: steps of two people, and glucose of one."""
    for person, count in ((ANNA, 1200), (BEN, 800)):
        hours = [steps(f"s{hour}", NOON + timedelta(hours=hour), count=count + hour) for hour in range(3)]
        put(lake, "steps", hours, user_id=person)
    put(lake, "blood_glucose", [blood_glucose(f"g{n}", NOON + timedelta(minutes=5 * n), 100.0 + n) for n in range(5)])


def tables(lake: Lake) -> dict[str, str]:
    """Return the SHA-256 of every table and journal file of a lake."""
    return {
        key: hashlib.sha256(content).hexdigest()
        for key, content in state_of(lake, *TABLES).items()
        if key.endswith((".parquet", ".jsonl")) and not is_accounts(key)
    }


def of_good_people(lake: Lake, options: InsightOptions = OPTIONS) -> dict[str, str]:
    """Return what every table and journal file holds of the good people, as text."""
    subjects = {subject(person, options.pseudonym_key) for person in PEOPLE}
    found = {}
    for key in tables(lake):
        if key.endswith(".parquet"):
            rows = read_table(lake, key, people=PEOPLE)  # not by pandas, which makes fractions of a column with a null
            # Without the hash of the whole table, in which others have rows too.
            found[key.rpartition("/")[0]] = "\n".join(map(str, rows.to_pylist()))
        else:
            found[key] = "\n".join(_lines_of(lake.get(key), subjects))
    return {key: text for key, text in found.items() if text}


@cache
def good_people_alone() -> dict[str, str]:
    """Return what tables and journal files hold of the good people where nothing else lies beside their uploads."""
    lake = memory_lake()
    put_good(lake)
    bring_up_to_date(lake)
    return of_good_people(lake)


def _lines_of(content: bytes, subjects: set[str]) -> Iterator[str]:
    for line in content.decode().split("\n"):
        if line and json.loads(line)["metadata"]["subject"] in subjects:
            yield line


def of_records(found: dict[str, str]) -> dict[str, str]:
    """Return what there is of records, of what `tables` or `of_good_people` found."""
    return {key: text for key, text in found.items() if key.startswith("records/") and not key.startswith(OFFSETS)}
