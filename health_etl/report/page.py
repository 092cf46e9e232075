"""The HTML page about one person's days: a single file, no script, nothing fetched.

What it shows is collected in collect.py and drawn in pictures/.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from health_etl import __version__
from health_etl.clinical.common.base import Facts, Level, Metric, Narrator
from health_etl.days.source_labels import labels
from health_etl.insights.facts import all_facts
from health_etl.record_types import record_types
from health_etl.report.collect import Collected, Period
from health_etl.report.pictures import pictures
from health_etl.report.pictures.base import Drawn
from health_etl.report.style import css_variables, svg
from health_etl.wording import counted

# The meaning comes first: picture and figures are already in view, and anything urgent is said there.
LEVEL_WORDS = {Level.SEMANTIC: "Meaning", Level.STRUCTURAL: "Course", Level.STATISTICAL: "Numbers"}
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[A-Za-z%])")

ZONE_NOTES = {
    "record": "Days are local days, by the UTC offsets that the records state.",
    "other_sources": "Days are local days. Some records state no UTC offset; for them it is that of the person's other "
    "sources at that time.",
    "default": "Some records carry no reliable time zone and the default was assumed, so the bounds of days and the "
    "clock times are uncertain.",
}
_CERTAINTY = ("default", "other_sources", "record")  # from least to most certain


@dataclass(frozen=True)
class Number:
    """A metric as it is displayed."""

    label: str
    value: str
    unit: str


@dataclass(frozen=True)
class Day:
    """One local day of one type: its texts, its numbers (day and look-back), and why coverage is insufficient."""

    title: str
    facts: Facts
    texts: Sequence[tuple[str, str]]  # heading of the level, text
    numbers: Sequence[Number]
    trends: Sequence[Number]
    coverage: str


@dataclass(frozen=True)
class Picture:
    """A drawn figure for the page."""

    svg: str
    title: str
    note: str


@dataclass(frozen=True)
class Section:
    """One kind of insights."""

    name: str
    title: str
    picture: Picture | None
    headline: Sequence[Metric]
    days: Sequence[Day]


def page(user_id: str, period: Period, collected: Sequence[Collected]) -> str:
    """Return the HTML page about a person's days."""
    sections = [_section(one) for one in collected]
    template = _environment().get_template("report.html.j2")
    return template.render(
        user_id=user_id,
        period=period,
        period_title=_written_period(period),
        sections=sections,
        sources=_sources(collected),
        zone_note=_zone_note(collected),
        offsets=_offsets(sections),
        missing=_missing(period, collected),
        versions=[f"{one.processor.name} {one.processor.version}" for one in collected],
        version=__version__,
        latest_upload=max(one.latest_upload for one in collected),
        light=css_variables(dark=False),
        dark=css_variables(dark=True),
    )


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("health_etl.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _section(collected: Collected) -> Section:
    processor, rows = collected.processor, collected.days.insights
    picture = pictures().get(processor.name)
    metrics = {metric.name: metric for metric in processor.all_metrics if metric.reported}
    headline = [metrics[name] for name in picture.headline] if picture else []
    drawn = picture.of_person(collected.days) if picture else None
    shown = _picture(drawn, processor.name) if drawn else None
    days = [
        _day(facts, row, processor)
        for facts, row in zip(all_facts(rows, processor), rows.to_dict("records"), strict=True)
    ]
    return Section(processor.name, processor.title, shown, headline, days)


def _picture(drawn: Drawn, name: str) -> Picture:
    return Picture(svg(drawn.figure, drawn.title, name).decode(), drawn.title, drawn.note)


def _day(facts: Facts, row: Mapping[Hashable, Any], processor: Narrator) -> Day:
    by_level = {Level(caption["level"]): caption["output"] for caption in row["captions"]}
    return Day(
        title=_written_date(date.fromisoformat(facts["local_date"])),
        facts=facts,
        texts=[(word, _unbroken(by_level[level])) for level, word in LEVEL_WORDS.items() if level in by_level],
        numbers=_numbers(facts, processor.metrics),
        trends=_numbers(facts, processor.trends),
        coverage=facts.written.get("coverage_reason", ""),
    )


def _unbroken(text: str) -> str:
    """Keep numbers and their units on one line."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)


def _numbers(facts: Facts, metrics: Sequence[Metric]) -> list[Number]:
    reported = [metric for metric in metrics if metric.reported and facts.has(metric.name)]
    return [Number(metric.label, facts[metric.name], metric.unit or "") for metric in reported]


def _sources(collected: Sequence[Collected]) -> list[tuple[str, str]]:
    """Return each set of apps with the titles of the types based on their records."""
    titles: dict[str, list[str]] = {}
    apps_of = {
        one.processor.title: {a for text in one.days.insights["source_apps"].dropna() for a in str(text).split(", ")}
        for one in collected
        if one.processor.name in record_types()
    }
    shown = labels(set().union(*apps_of.values()))
    for title, apps in apps_of.items():
        if apps:
            titles.setdefault(", ".join(sorted(shown[app] for app in apps)), []).append(title)
    return [(apps, ", ".join(of)) for apps, of in titles.items()]


def _zone_note(collected: Sequence[Collected]) -> str:
    stated = {source for one in collected for source in one.days.insights["zone_source"].dropna()}
    return next((ZONE_NOTES[source] for source in _CERTAINTY if source in stated), "")


def _offsets(sections: Sequence[Section]) -> str:
    stated = {day.facts["utc_offset"] for section in sections for day in section.days if day.facts.has("utc_offset")}
    return ", ".join(sorted(stated))


def _missing(period: Period, collected: Sequence[Collected]) -> list[str]:
    """Return sentences on which types lack which days, and which days are recorded too sparsely to assess."""
    dates = period.dates
    said = []
    known = {one.processor.name: one for one in collected}
    for name, title in _titles().items():
        recorded = set(known[name].days.insights["local_date"]) if name in known else set()
        absent = [day for day in dates if day not in recorded]
        if len(absent) == len(dates):
            said.append(f"{title}: nothing recorded.")
        elif absent:
            said.append(f"{title}: nothing recorded on {counted(len(absent), 'day')} ({', '.join(absent)}).")
        if name in known:
            rows = known[name].days.insights
            reasons = rows.loc[rows["coverage_reason"].notna(), ["local_date", "coverage_reason"]]
            said += [f"{title}, {day}: {reason}." for day, reason in reasons.itertuples(index=False)]
    return said


def _titles() -> dict[str, str]:
    return {name: record_type.title for name, record_type in record_types().items()}


def _written_period(period: Period) -> str:
    if period.is_one_day:
        return _written_date(period.first)
    return f"{_written_date(period.first)} – {_written_date(period.last)}"


def _written_date(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B} {day.year}"
