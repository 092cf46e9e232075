"""Person profiles: what the file may contain, how its faults are reported, and what is added to a day."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_etl.days import profiles
from health_etl.days.profiles import BIRTH_YEARS, HRMAX_BPM, SEXES, Condition, Profile
from health_etl.errors import PermanentError
from health_etl_tests.support import hypothesis_profiles

profile = hypothesis_profiles.active_profile()

HEADER = "user_id,birth_year,sex,hrmax_bpm,conditions\n"
BOTH = (Condition.HIGH_RISK_DIABETES, Condition.PREGNANCY)


def days(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["user_id", "local_date"]).astype("str")


def test_every_cell_is_read_and_empty_ones_are_unknown() -> None:
    read = profiles.parse(f"{HEADER}ada,1980,female,181,pregnancy;high_risk_diabetes\nbob,,,,\n".encode())
    assert read == {"ada": Profile(1980, "female", 181, BOTH), "bob": Profile()}


def test_a_file_saved_by_a_spreadsheet_is_read() -> None:
    content = b'\xef\xbb\xbfuser_id,birth_year,sex,hrmax_bpm,conditions\r\n"ada", 1980 ,,,"pregnancy; "\r\n\r\n,,,,\r\n'
    assert profiles.parse(content) == {"ada": Profile(birth_year=1980, conditions=(Condition.PREGNANCY,))}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("", "line 1 is not the header user_id,birth_year,sex,hrmax_bpm,conditions."),
        ("user_id,sex\n", "line 1 is not the header"),
        (f"{HEADER}secret-1,1980\n", "line 2 has 2 cells instead of 5."),
        (f"{HEADER},1980,,,\n", "line 2 has no valid user_id"),
        (f"{HEADER}secret 1,1980,,,\n", "line 2 has no valid user_id"),
        (f"{HEADER}secret-1,,,,\n\nsecret-1,,,,\n", "line 4 repeats a user_id."),
        (f"{HEADER}a,,,,\nsecret-1,80,,,\n", "line 3: birth_year must be a whole number from 1900 to 2100."),
        (f"{HEADER}secret-1,1899,,,\n", "birth_year must be a whole number"),
        (f"{HEADER}secret-1,2101,,,\n", "birth_year must be a whole number"),
        (f"{HEADER}secret-1,١٩٨٠,,,\n", "birth_year must be a whole number"),
        (f"{HEADER}secret-1,,woman,,\n", "line 2: sex must be one of female, male."),
        (f"{HEADER}secret-1,,,99,\n", "line 2: hrmax_bpm must be a whole number from 100 to 220."),
        (f"{HEADER}secret-1,,,221,\n", "hrmax_bpm must be a whole number"),
        (f"{HEADER}secret-1,,,180.5,\n", "hrmax_bpm must be a whole number"),
        (f"{HEADER}secret-1,,,,gout\n", "conditions may only contain high_risk_diabetes, pregnancy"),
        (f'{HEADER}"secret-1"x,,,,\n', "line 2 is not CSV."),
    ],
)
def test_each_fault_is_one_sentence_that_names_the_line_and_shows_no_value(lines: str, sentence: str) -> None:
    with pytest.raises(PermanentError) as raised:
        profiles.parse(lines.encode())
    said = str(raised.value)
    assert said.startswith("profiles.csv, line ")
    assert sentence in said
    assert said.count("\n") == 0
    assert not any(value in said for value in ("secret", "woman", "180.5", "gout", "1899"))


def test_a_file_in_another_encoding_is_refused() -> None:
    with pytest.raises(PermanentError, match="not UTF-8"):
        profiles.parse(HEADER.encode() + b"m\xfcller,,,,\n")


@pytest.mark.parametrize("year", BIRTH_YEARS)
@pytest.mark.parametrize("bpm", HRMAX_BPM)
def test_both_ends_of_the_plausible_range_are_accepted(year: int, bpm: int) -> None:
    assert profiles.parse_profile(str(year), "", str(bpm)) == Profile(birth_year=year, hrmax_bpm=bpm)


KNOWN = st.builds(
    Profile,
    birth_year=st.none() | st.integers(*BIRTH_YEARS),
    sex=st.none() | st.sampled_from(SEXES),
    hrmax_bpm=st.none() | st.integers(*HRMAX_BPM),
    conditions=st.sets(st.sampled_from(Condition)).map(lambda found: tuple(sorted(found))),
)


@profile
@given(st.dictionaries(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}\Z"), KNOWN, max_size=5))
def test_profiles_round_trip_and_the_order_of_people_does_not_matter(people: dict[str, Profile]) -> None:
    written = profiles.to_csv(people)
    assert profiles.parse(written) == people
    assert profiles.to_csv(dict(reversed(people.items()))) == written


def test_a_day_gets_the_age_of_its_person_in_that_year() -> None:
    asked = days(("bob", "2025-01-01"), ("ada", "2024-12-31"), ("ada", "2025-01-01"), ("zoe", "2025-01-01"))
    people = {"ada": Profile(1980, "female", None, (Condition.PREGNANCY,)), "bob": Profile(None, None, 175)}

    known = profiles.add_profiles(asked.set_index(pd.Index([7, 5, 3, 1])), people)

    assert known.index.tolist() == [7, 5, 3, 1]
    expected = pd.DataFrame(
        {
            "age_years": pd.array([None, 44, 45, None], dtype="Int64"),
            "sex": pd.Series([None, "female", "female", None], dtype="str"),
            "hrmax_bpm": pd.array([175, None, None, None], dtype="Int64"),
            "pregnant": pd.array([False, True, True, False], dtype="boolean"),
            "high_risk_diabetes": pd.array([False] * 4, dtype="boolean"),
        }
    )
    pd.testing.assert_frame_equal(known.reset_index(drop=True)[list(expected)], expected)


def test_a_day_before_the_birth_year_has_no_age() -> None:
    known = profiles.add_profiles(days(("ada", "1979-12-31"), ("ada", "1980-01-01")), {"ada": Profile(1980)})
    assert known["age_years"].isna().tolist() == [True, False]


@pytest.mark.parametrize("asked", [days(), days(("ada", "2025-01-01"))], ids=["no day", "one day"])
def test_without_profiles_the_columns_are_the_same(asked: pd.DataFrame) -> None:
    types = profiles.add_profiles(asked, {}).dtypes.astype(str).to_dict()
    assert types == profiles.add_profiles(asked, {"ada": Profile(1980, "male", 180, BOTH)}).dtypes.astype(str).to_dict()
    assert types["age_years"] == types["hrmax_bpm"] == "Int64"
    assert types["pregnant"] == types["high_risk_diabetes"] == "boolean"


def test_the_digest_depends_only_on_the_profiles_of_the_given_people() -> None:
    people = {"ada": Profile(1980), "bob": Profile(1990)}

    assert profiles.digest(people, ["ada", "zoe"]) == profiles.digest({**people, "bob": Profile(1991)}, ["zoe", "ada"])
    assert profiles.digest(people, ["ada"]) != profiles.digest({"ada": Profile(1981)}, ["ada"])
    assert profiles.digest(people, ["zoe"]) == profiles.digest({}, ["zoe"])
    assert profiles.digest(people, ["ada"]) != profiles.digest({}, ["ada"])
