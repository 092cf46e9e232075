"""Debian's chromium on the stack's UI. A failing test leaves a picture of the page in its temporary folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from health_etl_tests.support.availability import unavailable
from health_etl_tests.support.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from health_etl_tests.support.stack import RunningStack

HERE = Path(__file__).parent
# No sandbox: in CI everything is root. The rest keeps chromium from calling home.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = {"width": 1400, "height": 850}
PATIENCE_MS = PATIENCE_SECONDS * 1000


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder `browser`."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


# Per module: until it ends, Playwright runs an event loop, which would clash with Dagster's own in other tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, without a window."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("no browser: on Debian, apt install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)  # else 5 seconds, whatever the pages' own limit
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=list(FLAGS), timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, stack: RunningStack, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of its own, for addresses below the UI's."""
    context = chromium.new_context(base_url=stack.settings.webserver_url, viewport=SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    failed_before = request.session.testsfailed
    yield opened
    if request.session.testsfailed > failed_before:
        opened.screenshot(path=tmp_path / "page.png")
    context.close()


@pytest.fixture
def picture(page: Page) -> Iterator[list[str]]:
    """Names of pictures for docs/images, taken when the test passed and TEST_HEALTH_ETL_PICTURES names a folder."""
    names: list[str] = []
    yield names
    folder = os.environ.get("TEST_HEALTH_ETL_PICTURES")
    for name in names if folder else ():
        page.screenshot(path=Path(str(folder)) / f"{name}.png")
