"""What a data engineer does in the Dagster UI: look, materialise, backfill, open checks, switch sensors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from health_etl.definitions import build_definitions
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl_tests.conftest import CHECKOUT
from health_etl_tests.support.exports import put_content
from health_etl_tests.support.stack import dates
from health_etl_tests.support.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from health_etl_tests.support.stack import RunningStack

SINGLE = "2025-09-16"
BROKEN = "2025-09-21"  # upload date of the file that is refused
PICTURED, ENOUGH_PEOPLE = "2025-09-19", 5
FIRST, DATES = "2025-08-01", 30


def launch(page: Page, asset: str, partitions: str, button: str) -> None:
    """Fill in the materialise dialog of an asset and press its last button."""
    page.goto(f"/assets/{asset}")
    page.get_by_role("button", name="Materialize…").click()
    confirm, every = (page.get_by_role("button", name=name) for name in ("Confirm", "Show all partitions"))
    confirm.or_(every).first.wait_for()
    if confirm.is_visible():  # upstream assets have not been materialised yet; people's decisions may never be
        confirm.click()
    every.click()
    dialog = page.get_by_role("dialog").last
    field = dialog.locator("input[type=text]").first
    field.fill(partitions)
    field.press("Enter")
    dialog.get_by_role("button", name=button).click()


def test_the_lineage_of_all_six_types_goes_from_uploads_to_the_journal(page: Page, picture: list[str]) -> None:
    page.goto("/assets/training/health_journal?view=lineage&lineageScope=upstream&lineageDepth=5")
    # Each appears in raw, in records and in insights.
    wanted = dict.fromkeys(record_types(), 3)
    wait_for(lambda: {name: shown(page).count(name) for name in wanted} == wanted)
    picture.append("lineage-of-the-journal")


def shown(page: Page) -> list[str]:
    """Return the record types that a page names, line by line; it shortens long names: active_cal…_burned."""
    lines = [line.partition("…") for line in page.inner_text("body").splitlines()]
    return [
        name
        for start, cut, end in lines
        for name in record_types()
        if (name.startswith(start) and name.endswith(end) if cut and start and end else name == start)
    ]


def test_a_partition_materialised_by_hand_shows_its_counts(page: Page, stack: RunningStack) -> None:
    from playwright.sync_api import expect

    launch(page, "records/steps", SINGLE, "Launch 1 run")
    expect(page.get_by_text(re.compile(r"Launched run \w+"))).to_be_visible()
    wait_for(lambda: SINGLE in stack.materialised("records/steps"))
    page.goto(f"/assets/records/steps?view=partitions&partition={SINGLE}")
    expect(page.get_by_text("Latest materialization")).to_be_visible()
    for name in ("dagster/row_count", "accepted", "duplicate", "quarantined", "digest"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(
        page.get_by_text(re.compile(f"s3://health-data/records/steps/{SINGLE}/[0-9a-f]+.parquet")).first
    ).to_be_visible()


def test_a_backfill_over_thirty_dates_is_launched_and_watched_to_its_end(
    page: Page, stack: RunningStack, picture: list[str]
) -> None:
    from playwright.sync_api import expect

    requested = dates(FIRST, DATES)
    launch(page, "records/heart_rate", f"[{requested[0]}...{requested[-1]}]", "Launch backfill")
    created = page.get_by_text(re.compile(r"Created backfill \w+"))
    expect(created).to_be_visible()
    page.get_by_text("View", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/b/\w+"))
    expect(page.get_by_text("100% completed")).to_be_visible()
    assert set(requested) <= stack.materialised("records/heart_rate")
    picture.append("backfill")


def test_a_failed_check_is_opened_and_says_what_was_refused(
    page: Page, stack: RunningStack, picture: list[str]
) -> None:
    from playwright.sync_api import expect

    put_content(stack.lake(), "sleep_session", b"this is no Avro container")
    assert stack.end(stack.submit(["records/sleep_session"], BROKEN)) in ("SUCCESS", "FAILURE")
    page.goto("/assets/records/sleep_session?view=checks&checkDetail=refused_files")
    expect(page.get_by_text("Failed", exact=True).first).to_be_visible()
    expect(page.get_by_text("not_avro").first).to_be_visible()
    picture.append("failed-check")


def test_an_asset_page_shows_its_description_and_every_column(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/assets/records/blood_glucose")
    expect(page.get_by_text("Rows in = accepted + duplicate + quarantined").first).to_be_visible()
    for column in record_types()["blood_glucose"].columns:
        expect(page.get_by_text(column.name, exact=True).first).to_be_attached()


def test_insights_of_enough_people_show_their_picture(page: Page, stack: RunningStack, picture: list[str]) -> None:
    from playwright.sync_api import expect

    for person in range(ENOUGH_PEOPLE):
        exports = CHECKOUT / "data" / "sample"
        found = sorted(exports.glob("BloodGlucoseRecord_*.avro"))
        stack.command("ingest", *found, "--user", f"person_{person}", "--uploaded", PICTURED)
    run = stack.submit(["records/blood_glucose", "records/utc_offsets", "insights/blood_glucose"], PICTURED)
    assert stack.end(run) == "SUCCESS"
    page.goto(f"/assets/insights/blood_glucose?view=partitions&partition={PICTURED}")
    page.get_by_text("Show Markdown").first.click()
    shown_picture = page.get_by_role("dialog").locator("img")
    expect(shown_picture).to_be_visible()
    assert shown_picture.evaluate("image => image.naturalWidth") > 300
    picture.append("asset-picture")


def test_every_sensor_is_listed_and_can_be_switched_off_and_on(page: Page, picture: list[str]) -> None:
    from playwright.sync_api import expect

    names = sorted(sensor.name for sensor in build_definitions(Settings()).sensors or ())
    page.goto("/automation")
    if not names:
        expect(page.get_by_text("No automations", exact=True)).to_be_visible()
    for name in names[:2]:
        row = page.locator("[class*=ListItem_listItem]").filter(
            has=page.get_by_role("link", name=re.compile(rf"(^|\W){name}(\W|$)"))
        )
        switch = row.locator("label[class*=Switch]:not([class*=disabled])")
        before = switch.is_checked()
        for wanted in (not before, before):
            switch.click()
            expect(switch).to_be_checked(checked=wanted)
            page.reload()  # what the server has stored, not what the page remembers
            expect(switch).to_be_checked(checked=wanted)
    for name in names:
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    picture.append("automation")
