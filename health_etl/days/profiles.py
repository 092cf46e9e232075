"""Person profiles: facts that thresholds depend on and that no record contains. The thresholds belong in clinical/.

Profiles are stored in one small CSV file at the lake's root, which people may edit by hand. A person without a line
has no profile.
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
BIRTH_YEARS = (1900, 2100)  # inclusive; ASSUMPTION: everyone with a phone was born after 1900
HRMAX_BPM = (100, 220)  # inclusive; ASSUMPTION: 220 is the highest valid heart rate in records
_SEPARATOR = ";"


class Condition(StrEnum):
    """The conditions that change thresholds."""

    PREGNANCY = "pregnancy"
    HIGH_RISK_DIABETES = "high_risk_diabetes"


@dataclass(frozen=True)
class Profile:
    """What is known about one person; None and empty mean not configured."""

    birth_year: int | None = None
    sex: str | None = None
    hrmax_bpm: int | None = None
    conditions: tuple[Condition, ...] = ()  # sorted, each once

    def cells(self) -> tuple[str, ...]:
        """Return the cells after `user_id`, as written to the file."""
        numbers = [str(value) if value is not None else "" for value in (self.birth_year, self.hrmax_bpm)]
        return numbers[0], self.sex or "", numbers[1], _SEPARATOR.join(self.conditions)


Profiles = Mapping[str, Profile]  # by user id


def read(lake: Lake) -> dict[str, Profile]:
    """Return the profiles in the lake, empty if there is no file; raises PermanentError as `parse` does."""
    content = lake.find(PROFILES_KEY)
    return {} if content is None else parse(content)


def write(lake: Lake, profiles: Profiles) -> None:
    """Write the profiles to the lake."""
    lake.put(PROFILES_KEY, to_csv(profiles))


def parse(content: bytes) -> dict[str, Profile]:
    """Parse profiles.csv: a header with COLUMNS in this order, then one line per person; empty cells are unknown.

    Raises PermanentError for the first fault, with one sentence that names the line and never shows a value.
    """
    try:
        text = content.decode("utf-8-sig")  # spreadsheets prepend a byte order mark
    except UnicodeDecodeError:
        raise PermanentError(f"{PROFILES_KEY} is not UTF-8; save it as CSV in UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, Profile] = {}
    try:
        if tuple(cell.strip() for cell in next(reader, [])) != COLUMNS:
            raise _line_error(1, f"is not the header {','.join(COLUMNS)}")
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _parse_line(found, [cell.strip() for cell in cells], reader.line_num)
    except csv.Error:
        raise _line_error(reader.line_num, "is not CSV") from None
    return found


def to_csv(profiles: Profiles) -> bytes:
    """Return the profiles as the content of profiles.csv, sorted by user id."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((user_id, *profiles[user_id].cells()) for user_id in sorted(profiles))
    return out.getvalue().encode()


def parse_profile(birth_year: str = "", sex: str = "", hrmax_bpm: str = "", conditions: Sequence[str] = ()) -> Profile:
    """Parse cells into a profile; empty is unknown. Raises ValueError, which names the fault but not the value."""
    if sex not in ("", *SEXES):
        raise ValueError(f"sex must be one of {', '.join(SEXES)}")
    known = set(Condition)
    if not known.issuperset(conditions):
        raise ValueError(f"conditions may only contain {', '.join(sorted(known))} (separated by ;)")
    return Profile(
        birth_year=_parse_int(birth_year, "birth_year", BIRTH_YEARS),
        sex=sex or None,
        hrmax_bpm=_parse_int(hrmax_bpm, "hrmax_bpm", HRMAX_BPM),
        conditions=tuple(sorted({Condition(word) for word in conditions})),
    )


def profiles_frame(profiles: Profiles) -> pd.DataFrame:
    """Return one row per person, sorted: user_id, birth_year, sex, hrmax_bpm, pregnant, high_risk_diabetes."""
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
    """Add each person's profile to `days` (user_id, local_date as YYYY-MM-DD); rows and index are unchanged.

    Adds age_years (Int64: year of the local date minus birth year; null if no birth year is configured or it is
    later than the date), sex (str, nullable), hrmax_bpm (Int64, nullable), pregnant and high_risk_diabetes (boolean;
    False without a profile).
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
    """Return a fingerprint of these people's profiles; the same for any people without profiles.

    The profile can be guessed from it, so it may go into manifests but not into events or training data.
    """
    mine = {user_id: profiles[user_id].cells() for user_id in set(user_ids) if user_id in profiles}
    return hashlib.sha256(canonical_json(mine)).hexdigest()


def _parse_line(found: dict[str, Profile], cells: Sequence[str], line: int) -> None:
    if len(cells) != len(COLUMNS):
        raise _line_error(line, f"has {len(cells)} cells instead of {len(COLUMNS)}")
    user_id, birth_year, sex, hrmax_bpm, conditions = cells
    if not USER_ID.match(user_id):
        raise _line_error(
            line, "has no valid user_id (at most 128 letters, digits and . _ @ + -, starting with a letter or digit)"
        )
    if user_id in found:
        raise _line_error(line, "repeats a user_id")
    words = [word.strip() for word in conditions.split(_SEPARATOR) if word.strip()]
    try:
        found[user_id] = parse_profile(birth_year, sex, hrmax_bpm, words)
    except ValueError as error:
        raise PermanentError(f"{PROFILES_KEY}, line {line}: {error}.") from None


def _parse_int(text: str, name: str, bounds: tuple[int, int]) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{3,4}", text) or not bounds[0] <= int(text) <= bounds[1]:
        raise ValueError(f"{name} must be a whole number from {bounds[0]} to {bounds[1]}")
    return int(text)


def _line_error(line: int, what: str) -> PermanentError:
    return PermanentError(f"{PROFILES_KEY}, line {line} {what}.")
