"""The look of every picture: one palette for light and dark, and the two output formats.

What is drawn belongs to pictures/. An SVG refers to its colours as CSS variables, so that a page can show it light,
dark or printed; on its own it is light.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

PNG_DPI = 96
PNG_COLOURS = 128


@dataclass(frozen=True)
class Colour:
    """A colour by its role, on a light and on a dark background."""

    name: str
    light: str
    dark: str

    def __str__(self) -> str:
        return self.light


# Hues after Okabe and Ito, distinguishable with colour blindness; position and labels always repeat what colour says.
INK = Colour("ink", "#1c2833", "#e6eaee")
MUTED = Colour("muted", "#5a6772", "#a3afba")
GRID = Colour("grid", "#e2e6ea", "#333d47")
GROUND = Colour("ground", "#ffffff", "#161c22")
LINE = Colour("line", "#0b63a5", "#6db6f0")
BAND = Colour("band", "#8dbbe0", "#2f6ea3")
BAND_WIDE = Colour("band-wide", "#cfe2f2", "#1f4464")
GOOD = Colour("good", "#d9efe4", "#17382b")
GOOD_EDGE = Colour("good-edge", "#12805c", "#4fc79a")
MARK = Colour("mark", "#b8500b", "#f2a25c")
AWAKE = Colour("awake", "#d98c21", "#f0b04f")
REM = Colour("rem", "#a35fa0", "#d59ad2")
LIGHT_SLEEP = Colour("light-sleep", "#5fa3dd", "#7fbdf0")
DEEP_SLEEP = Colour("deep-sleep", "#163f7a", "#3f74c4")

PALETTE = (
    INK,
    MUTED,
    GRID,
    GROUND,
    LINE,
    BAND,
    BAND_WIDE,
    GOOD,
    GOOD_EDGE,
    MARK,
    AWAKE,
    REM,
    LIGHT_SLEEP,
    DEEP_SLEEP,
)

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "svg.fonttype": "none",  # keep text as text: it can be read aloud, copied and set in the page's font
    "svg.hashsalt": "health_etl",  # the same picture gives the same bytes
    "axes.unicode_minus": True,
}
_NAMED = re.compile("|".join(colour.light for colour in PALETTE), re.IGNORECASE)
_BY_HEX = {colour.light: colour for colour in PALETTE}
_ID = re.compile(r'(\bid="|url\(#|href="#)')


def new_figure(width_inches: float = 9.0, height_inches: float = 3.0) -> Figure:
    """Return an empty figure with the palette's background."""
    return Figure(figsize=(width_inches, height_inches), layout="constrained", facecolor=str(GROUND))


def svg(figure: Figure, title: str, prefix: str) -> bytes:
    """Return a figure as an SVG element for a page: no background, colours as variables, a title for screen readers.

    prefix: makes its ids unique among the page's pictures.
    """
    buffer = io.StringIO()
    with mpl.rc_context(_RC):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    element = text[text.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'^<svg [^>]*?viewBox="([^"]+)"[^>]*>', rf'<svg viewBox="\1" {_READ_ALOUD}>', element)
    element = _ID.sub(rf"\g<1>{prefix}-", element)
    element = _NAMED.sub(lambda found: _variable(_BY_HEX[found[0].lower()]), element)
    return element.replace(">", f"><title>{_escaped(title)}</title>", 1).encode()


def png(figure: Figure) -> bytes:
    """Return a figure as a small PNG on a light background: few colours, no metadata."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    with mpl.rc_context(_RC):
        figure.savefig(drawn, format="png", dpi=PNG_DPI, metadata={"Software": None})
    # Quantised by position in colour space, not by frequency, so that a single marked reading keeps its colour.
    few = Image.open(drawn).convert("RGB").quantize(PNG_COLOURS, method=Image.Quantize.FASTOCTREE)
    few.save(packed, format="png", optimize=True)
    return packed.getvalue()


def css_variables(dark: bool) -> str:
    """Return the palette as CSS declarations."""
    return " ".join(f"--{colour.name}: {colour.dark if dark else colour.light};" for colour in PALETTE)


_READ_ALOUD = 'role="img" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def _variable(colour: Colour) -> str:
    return f"var(--{colour.name}, {colour.light})"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
