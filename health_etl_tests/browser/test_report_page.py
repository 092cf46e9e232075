"""The report page in a real browser: light and dark follow the reader, and it prints."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from health_etl.report.page import page
from health_etl.report.style import GROUND
from health_etl_tests.report.collected import DAY, steps
from health_etl_tests.report.person import dates
from health_etl_tests.support.availability import unavailable
from health_etl_tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.browser


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(page("anna", DAY, [steps(dates(1))]), encoding="utf-8")
    return path


def opened(file: Path, *options: str) -> None:
    """Open the page without a screen; it has no network to ask."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("no browser: on Debian, apt install chromium")
    quiet = (
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--hide-scrollbars",
    )
    profile = file.with_name("profile")
    command = [program, "--headless", "--no-sandbox", *quiet, f"--user-data-dir={profile}", *options, file.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(("scheme", "ground"), [("0", GROUND.dark), ("1", GROUND.light)])
def test_background_and_pictures_follow_the_readers_colour_scheme(file: Path, scheme: str, ground: str) -> None:
    shot = file.with_suffix(".png")
    opened(file, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={shot}", "--window-size=1000,1400")
    image = Image.open(shot).convert("RGB")
    assert "#{:02x}{:02x}{:02x}".format(*image.getpixel((3, 3))) == ground
    colours = {"#{:02x}{:02x}{:02x}".format(*colour) for _, colour in image.getcolors(1 << 24) or []}
    bars = {"0": "#6db6f0", "1": "#0b63a5"}  # of the same picture, in the dark and in the light
    assert set(bars.values()) & colours == {bars[scheme]}


def test_a_day_of_one_type_prints_on_one_page_of_a4(file: Path) -> None:
    pdf = file.with_suffix(".pdf")
    opened(file, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
    content = pdf.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", content)
    assert {(round(float(width)), round(float(height))) for width, height in boxes} == {(595, 842)}
