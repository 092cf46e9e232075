"""Both formats of a figure: small, the same each time, fit for a page in light and dark."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from health_etl.report import style
from health_etl.report.pictures.blood_glucose import traces
from health_etl.report.pictures.heart_rate import hours


def figure() -> Figure:
    return hours(np.tile(np.linspace(60.0, 90.0, 24), (3, 1)) + np.array([[0.0], [4.0], [8.0]]))


def svg(prefix: str = "one") -> str:
    return style.svg(figure(), "Heart rate <by> hour", prefix).decode()


def test_an_svg_is_one_element_with_a_title_for_readers() -> None:
    root = ElementTree.fromstring(svg())  # noqa: S314 - our own
    assert root.tag.endswith("svg")
    assert root.get("role") == "img"
    assert [node.text for node in root if node.tag.endswith("title")] == ["Heart rate <by> hour"]


def test_every_colour_of_an_svg_is_a_variable_of_the_palette() -> None:
    text = svg()
    named = set(re.findall(r"var\(--([a-z-]+), #[0-9a-f]{6}\)", text))
    assert named <= {colour.name for colour in style.PALETTE}
    assert "line" in named
    assert not re.search(r"(?<!, )#[0-9a-f]{6}", text)


def test_light_and_dark_name_the_same_variables() -> None:
    light, dark = style.css_variables(dark=False), style.css_variables(dark=True)
    assert re.findall("--[a-z-]+", light) == re.findall("--[a-z-]+", dark)
    assert light != dark


def test_the_ids_of_two_pictures_on_a_page_never_meet() -> None:
    def ids(text: str) -> set[str]:
        return set(re.findall(r'\bid="([^"]+)"', text))

    assert ids(svg("one")).isdisjoint(ids(svg("two")))
    referred = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg("one")))
    assert referred <= ids(svg("one"))


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert svg() == svg()
    assert style.png(figure()) == style.png(figure())


def test_a_png_keeps_its_colours_also_that_of_a_single_mark() -> None:
    minutes = np.arange(0.0, 1440.0, 5.0)
    glucose_mg_dl = np.where(minutes == 600, 220.0, 120.0)
    image = Image.open(io.BytesIO(style.png(traces([(minutes, glucose_mg_dl)])))).convert("RGB")
    drawn = np.array([colour for _, colour in image.getcolors(1 << 24) or []])
    for colour in (style.MARK, style.LINE, style.GOOD, style.GOOD_EDGE, style.INK, style.GROUND):
        wanted = np.array([int(colour.light[place : place + 2], 16) for place in (1, 3, 5)])
        assert np.abs(drawn - wanted).sum(axis=1).min() <= 3, colour.name


def test_nothing_is_fetched_by_an_svg() -> None:
    addresses = re.findall(r'https?://[^"\s]+', svg())
    assert set(addresses) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_ink_and_lines_stand_out_from_the_background(ground: str) -> None:
    def luminance(colour: style.Colour) -> float:
        channels = [int(getattr(colour, ground)[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: style.Colour, other: style.Colour) -> float:
        high, low = sorted((luminance(one), luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    # What WCAG 2.1 asks of text (AA) and of graphics.
    assert all(contrast(text, style.GROUND) >= 4.5 for text in (style.INK, style.MUTED, style.MARK))
    assert all(contrast(mark, style.GROUND) >= 3 for mark in (style.LINE, style.GOOD_EDGE))
