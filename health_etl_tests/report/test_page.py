"""The page: self-contained, safe against what people and apps are called, and open about what is missing."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

import pandas as pd
import pytest

from health_etl.clinical.common.base import Level
from health_etl.report.collect import Period
from health_etl.report.page import page
from health_etl_tests.report.collected import DAY, steps
from health_etl_tests.report.person import FIRST, captions, dates


class Elements(HTMLParser):
    """What a page consists of."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def test_a_day_shows_all_its_texts_what_they_mean_first() -> None:
    words = Elements(page("anna", DAY, [steps(dates(1))])).words
    places = [words.index(f"2025-09-15 in {what}") for what in ("meaning", "time", "numbers")]
    assert places == sorted(places)


def test_a_day_shows_picture_numbers_with_units_person_and_date() -> None:
    found = Elements(page("anna", DAY, [steps(dates(1))]))
    assert found.tags.count("svg") == 1
    assert "anna Monday, 15 September 2025" in found.words
    assert "8123 steps" in found.words
    assert "com.example.watch" in found.words


def test_the_page_says_that_it_is_no_diagnosis_at_top_and_end() -> None:
    words = Elements(page("anna", DAY, [steps(dates(1))])).words
    assert len(re.findall("Not a diagnosis", words)) == 2


def test_nothing_is_fetched_and_no_script_runs() -> None:
    content = page("anna", DAY, [steps(dates(1))])
    found = Elements(content)
    assert "script" not in found.tags
    assert "link" not in found.tags
    assert "default-src 'none'" in content
    addresses = [value for name, value in found.attributes if name in ("src", "href", "xlink:href", "action")]
    assert all(address.startswith("#") for address in addresses)
    assert not re.search(r"url\((?!#|&quot;#)", content)
    assert "@import" not in content


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"])
def test_what_people_and_apps_are_called_stays_text(evil: str) -> None:
    texts = [captions(evil, evil, evil)]
    content = page(evil, DAY, [steps(dates(1), source_apps=evil, captions=texts, activity_category=evil)])
    found = Elements(content)
    assert "script" not in found.tags
    assert "img" not in found.tags
    assert found.words.count(" ".join(evil.split())) >= 6


def test_what_was_not_recorded_is_listed() -> None:
    reason = "27 % of the day recorded, 70 % needed"
    words = Elements(page("anna", DAY, [steps(dates(1), coverage_reason=reason)])).words
    assert f"Steps, 2025-09-15: {reason}." in words
    assert "Blood glucose: nothing recorded." in words
    assert "Recorded too sparsely to assess" in words


def test_a_range_lists_every_day_and_names_those_without_records() -> None:
    period = Period(FIRST, date(2025, 9, 18))
    days = [day for day in dates(4) if day != "2025-09-16"]
    found = Elements(page("anna", period, [steps(days, steps_total=[8123, 512, 9000])]))
    assert "Steps: nothing recorded on 1 day (2025-09-16)." in found.words
    assert found.tags.count("details") == 3
    assert found.tags.count("svg") == 1
    assert all(f"{day} in meaning" in found.words for day in days)


def test_a_missing_number_is_a_dash_and_no_zero() -> None:
    period = Period(FIRST, date(2025, 9, 16))
    found = Elements(
        page("anna", period, [steps(dates(2), steps_total=pd.array([8123, None], dtype="Int64").tolist())])
    )
    assert "2025-09-16 –" in found.words


@pytest.mark.parametrize(
    ("zone_source", "said"),
    [("record", "offsets that the records state"), ("other_sources", "other sources"), ("default", "uncertain")],
)
def test_the_header_says_where_the_clock_comes_from(zone_source: str, said: str) -> None:
    words = Elements(page("anna", DAY, [steps(dates(1), zone_source=zone_source)])).words
    assert said in words
    assert "UTC-05:00" in words


def test_a_type_without_anything_to_draw_still_has_its_numbers_and_texts() -> None:
    found = Elements(page("anna", DAY, [steps(dates(1), steps_by_hour=[None])]))
    assert "svg" not in found.tags
    assert "8123 steps" in found.words
    assert "2025-09-15 in meaning" in found.words


def test_light_dark_and_print_each_have_their_style() -> None:
    content = page("anna", DAY, [steps(dates(1))])
    assert "@media screen and (prefers-color-scheme: dark)" in content
    assert "@media print" in content
    assert "size: A4" in content


def test_the_same_insights_give_the_same_page() -> None:
    assert page("anna", DAY, [steps(dates(1))]) == page("anna", DAY, [steps(dates(1))])


def test_levels_that_a_day_does_not_have_are_left_out() -> None:
    only = [[{"level": Level.SEMANTIC.value, "instruction": "", "output": "what it means"}]]
    words = Elements(page("anna", DAY, [steps(dates(1), captions=only)])).words
    assert "Meaning what it means" in words
    assert "Course" not in words
