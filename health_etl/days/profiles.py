"""Person profiles: what thresholds follow and no record says. What follows from them belongs to the types.

They lie in one small CSV file at the lake's root that people may edit by hand; who has no line has no profile.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from health_etl.errors import PermanentError
from health_etl.lake.keys import USER_ID
from health_etl.lake.manifest import canonical_json
from health_etl.lake.store import Lake

PROFILES_KEY = "profiles.csv"
COLUMNS = ("user_id", "birth_year", "sex", "hrmax_bpm", "conditions")
SEXES = ("female", "male")
BIRTH_YEARS = (1900, 2100)  # both included; ASSUMPTION: whoever wears a phone was born after 1900
HRMAX_BPM = (100, 220)  # both included; ASSUMPTION: 220 is the highest rate that records may hold
_SEPARATOR = ";"


class Condition(StrEnum):
    """What changes thresholds: the closed list."""

    PREGNANCY = "pregnancy"
    HIGH_RISK_DIABETES = "high_risk_diabetes"


@dataclass(frozen=True)
class Profile:
    """What is known of one person; None and empty mean not configured."""

    birth_year: int | None = None
    sex: str | None = None
    hrmax_bpm: int | None = None
    conditions: tuple[Condition, ...] = ()  # sorted, each once

    def cells(self) -> tuple[str, ...]:
        """Return the columns behind `user_id`, as the file has them."""
        numbers = [str(value) if value is not None else "" for value in (self.birth_year, self.hrmax_bpm)]
        return numbers[0], self.sex or "", numbers[1], _SEPARATOR.join(self.conditions)


Profiles = Mapping[str, Profile]  # by user id


def read(lake: Lake) -> dict[str, Profile]:
    """Return the profiles that the lake holds, none when it has no file of them; PermanentError as `parse`."""
    content = lake.find(PROFILES_KEY)
    return {} if content is None else parse(content)


def write(lake: Lake, profiles: Profiles) -> None:
    """Keep the profiles in the lake."""
    lake.put(PROFILES_KEY, to_csv(profiles))


def parse(content: bytes) -> dict[str, Profile]:
    """Read profiles.csv: a header with COLUMNS in this order, then one line a person; empty cells are unknown.

    Raises PermanentError with one sentence for the first fault; it names the line and never shows a value.
    """
    try:
        text = content.decode("utf-8-sig")  # spreadsheets put a byte order mark in front
    except UnicodeDecodeError:
        raise PermanentError(f"{PROFILES_KEY} is not UTF-8; save it as CSV in UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, Profile] = {}
    try:
        if tuple(cell.strip() for cell in next(reader, [])) != COLUMNS:
            raise _fault(1, f"is not the header {','.join(COLUMNS)}")
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _take(found, [cell.strip() for cell in cells], reader.line_num)
    except csv.Error:
        raise _fault(reader.line_num, "is not CSV") from None
    return found


def to_csv(profiles: Profiles) -> bytes:
    """Return the profiles as profiles.csv, people in order of their ids."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((user_id, *profiles[user_id].cells()) for user_id in sorted(profiles))
    return out.getvalue().encode()


def parse_profile(birth_year: str = "", sex: str = "", hrmax_bpm: str = "", conditions: Sequence[str] = ()) -> Profile:
    """Return the profile that cells say; empty is unknown. Raises ValueError: what is wrong, without the value."""
    if sex not in ("", *SEXES):
        raise ValueError(f"sex is none of {', '.join(SEXES)}")
    known = set(Condition)
    if not known.issuperset(conditions):
        raise ValueError(f"conditions holds another word than {', '.join(sorted(known))} (several joined by ;)")
    return Profile(
        birth_year=_whole(birth_year, "birth_year", BIRTH_YEARS),
        sex=sex or None,
        hrmax_bpm=_whole(hrmax_bpm, "hrmax_bpm", HRMAX_BPM),
        conditions=tuple(sorted({Condition(word) for word in conditions})),
    )


def profiles_frame(profiles: Profiles) -> pd.DataFrame:
    """Return one row a person, sorted: user_id, birth_year, sex, hrmax_bpm, pregnant, high_risk_diabetes."""
    users = sorted(profiles)
    listed = [profiles[user_id] for user_id in users]
    return pd.DataFrame(
        {
            "user_id": pd.Series(users, dtype="str"),
            "birth_year": pd.Series([profile.birth_year for profile in listed], dtype="Int64"),
            "sex": pd.Series([profile.sex for profile in listed], dtype="str"),
            "hrmax_bpm": pd.Series([profile.hrmax_bpm for profile in listed], dtype="Int64"),
            "pregnant": pd.Series([Condition.PREGNANCY in p.conditions for p in listed], dtype="boolean"),
            "high_risk_diabetes": pd.Series(
                [Condition.HIGH_RISK_DIABETES in p.conditions for p in listed], dtype="boolean"
            ),
        }
    )


def add_profiles(days: pd.DataFrame, profiles: Profiles) -> pd.DataFrame:
    """Return `days` (user_id, local_date as YYYY-MM-DD) with each person's profile; rows and index stay.

    Adds age_years (Int64: year of the local date minus birth year; null where no birth year is configured, or one
    after the day), sex (text, null), hrmax_bpm (Int64, null), pregnant and high_risk_diabetes (boolean; False without
    a profile).
    """
    known = profiles_frame(profiles).set_index("user_id")
    mine = known.reindex(days["user_id"]).set_axis(days.index)
    age_years = days["local_date"].str[:4].astype("Int64") - mine["birth_year"]
    return days.assign(
        age_years=age_years.where((age_years >= 0).fillna(False)),
        sex=mine["sex"],
        hrmax_bpm=mine["hrmax_bpm"],
        pregnant=mine["pregnant"].fillna(False),
        high_risk_diabetes=mine["high_risk_diabetes"].fillna(False),
    )


def digest(profiles: Profiles, user_ids: Iterable[str]) -> str:
    """Return a fingerprint of what the profiles say of these people; the same where none of them has one.

    Few years and words can be guessed back from it: it belongs into manifests, not into events or training data.
    """
    mine = {user_id: profiles[user_id].cells() for user_id in set(user_ids) if user_id in profiles}
    return hashlib.sha256(canonical_json(mine)).hexdigest()


def _take(found: dict[str, Profile], cells: Sequence[str], line: int) -> None:
    if len(cells) != len(COLUMNS):
        raise _fault(line, f"has {len(cells)} cells in place of {len(COLUMNS)}")
    user_id, birth_year, sex, hrmax_bpm, conditions = cells
    if not USER_ID.match(user_id):
        raise _fault(line, "has no user_id of letters, digits and . _ @ + -, at most 128, the first a letter or digit")
    if user_id in found:
        raise _fault(line, "is a second line of the same user_id")
    words = [word.strip() for word in conditions.split(_SEPARATOR) if word.strip()]
    try:
        found[user_id] = parse_profile(birth_year, sex, hrmax_bpm, words)
    except ValueError as error:
        raise PermanentError(f"{PROFILES_KEY}, line {line}: {error}.") from None


def _whole(text: str, name: str, bounds: tuple[int, int]) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{3,4}", text) or not bounds[0] <= int(text) <= bounds[1]:
        raise ValueError(f"{name} is no whole number from {bounds[0]} to {bounds[1]}")
    return int(text)


def _fault(line: int, what: str) -> PermanentError:
    return PermanentError(f"{PROFILES_KEY}, line {line} {what}.")
