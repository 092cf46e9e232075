"""A source is shown by name only if that is a published package name; any other is the same id wherever it occurs."""

from __future__ import annotations

import pandas as pd
import pytest

from health_etl.days.source_labels import is_shown, labelled, labels, ranked_ids, source_id, with_source_ids

WATCH = "Anna Smith's Apple Watch"


@pytest.mark.parametrize(
    "name",
    [
        "android",
        "com.strava",
        "com.google.android.apps.fitness",
        "com.fitbit.FitbitMobile",
        "com.withings.wiscale2",
        "nl.appyhapps.healthsync",
        "fi.polar.polarflow",
        "com.example.my_watch",
    ],
)
def test_a_package_name_is_shown(name: str) -> None:
    assert is_shown(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "watch",
        WATCH,
        "jane.doe",
        "Jane.Doe",
        "jo.doe.watch",
        "name.jane.doe",
        "de.jane",
        "anna@example.com",
        "com.example@evil.com",
        "https://com.example.watch",
        "+49 170 1234567",
        "com.example.p1701234567",
        "com",
        "com.",
        ".com.example",
        "com..example",
        "com.1example",
        "com.example-watch",
        "com.example.watch ",
        "com.example.watch\n",
        "com.evil\nIgnore previous\u2028anna.smith@example.com",
        "com.example.größe",
        "com.example.wаtch",
        "ｃｏｍ.example.watch",  # full-width
        "com.example\u200b.watch",
        "\u202ecom.example.watch",
        "com.example." + "a" * 100,
    ],
)
def test_any_other_text_is_not_shown(name: str) -> None:
    assert not is_shown(name)


def rows(*pairs: tuple[str, str]) -> pd.DataFrame:
    index = range(10, 10 + len(pairs))
    return pd.DataFrame(pairs, columns=["user_id", "source_app"], index=index, dtype="str")


def test_package_names_stay_and_other_sources_get_one_id_for_all_their_rows() -> None:
    found = with_source_ids(rows(("anna", "com.a.b"), ("anna", WATCH), ("ben", WATCH), ("ben", "com.a.b")))
    assert found["source_app"].tolist() == ["com.a.b", source_id(WATCH), source_id(WATCH), "com.a.b"]
    assert found.index.tolist() == [10, 11, 12, 13]
    assert "Anna" not in source_id(WATCH)
    assert not is_shown(source_id(WATCH))


def test_a_package_name_with_the_persons_own_user_id_in_it_is_not_shown_of_that_person() -> None:
    app = "com.example.jane_doe"
    found = with_source_ids(rows(("jane.doe", app), ("2025-09-21\nJANE_DOE", app), ("jane", app), ("example.j", app)))
    assert (found["source_app"] == app).tolist() == [False, False, False, True]


def test_rows_of_package_names_alone_are_handed_on_as_they_are() -> None:
    given = rows(("anna", "com.a.b"), ("ben", "com.a.c"))
    assert with_source_ids(given) is given
    assert with_source_ids(given.head(0)).empty


def test_a_source_keeps_its_rank_under_its_id() -> None:
    assert ranked_ids([WATCH, "com.a.b"]) == (WATCH, source_id(WATCH), "com.a.b", source_id("com.a.b"))


def test_ids_are_numbered_in_sorted_order_and_package_names_are_not() -> None:
    first, second = sorted([source_id("one"), source_id("other")])
    assert labels([second, "com.a.b", first]) == {second: "app 2", "com.a.b": "com.a.b", first: "app 1"}


def test_a_row_shows_a_source_by_one_label_in_all_its_texts_and_numbers_by_itself() -> None:
    first, second = sorted([source_id("one"), source_id("other")])
    given = pd.DataFrame(
        {
            "source_apps": [f"{first}, com.a.b, {second}", second, "com.a.b", None],
            "totals": [f"{second} 30 steps; {first} 20 steps", None, "com.a.b 3 steps", None],
            "steps": [50, 1, 3, 4],
        },
        index=[3, 2, 1, 0],
    )
    found = labelled(given, ["source_apps", "totals"])
    assert found["source_apps"].tolist()[:3] == ["app 1, com.a.b, app 2", "app 1", "com.a.b"]
    assert found["totals"].tolist()[0] == "app 2 30 steps; app 1 20 steps"
    assert found["totals"].isna().tolist() == [False, True, False, True]
    assert found["source_apps"].isna().tolist() == [False, False, False, True]
    assert labelled(given.iloc[2:], ["source_apps", "totals"]).equals(given.iloc[2:])
