"""Ratios are kept, compared and shown; what a deployment needs follows from them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import report
from benchmarks.plot import draw
from benchmarks.report import PAGE, page, slower, table
from benchmarks.results import TARGETS, Curve, Figure, Results, Shares, Target, load, save
from benchmarks.sizing import sizing

BULK = Figure("bulk", "bulk", "plain script", 30.0, 10.0)
CURVE = Curve("bulk", "bulk", "files", ((1.0, 2.0), (10.0, 20.0), (100.0, 200.0)))
PLACES = "".join(
    f"before {name}\n<!-- {name}: written by `make bench` -->\nold\n<!-- end of {name} -->\nafter\n"
    for name in ("figures", "curves", "shares", "sizing")
)


def measured() -> Results:
    facts = {"files": 1_200.0, "people_days": 100.0, "raw_mb": 40.0, "made_mb": 10.0, "peak_mb": 400.0}
    return Results.of(
        BULK,
        CURVE,
        Shares("bulk", "bulk", {"Dagster": 1.0, "`records`": 3.0}),
        Figure("mixed", "mixed", "decoding", 50.0, 5.0, "s", facts),
        Figure("unchanged", "nothing new", "imports", 3.0, 1.5),
        Figure("new_file", "one new file", "imports", 0.25, 1.5),
        Figure("memory", "peak", "a quarter", 500.0, 480.0, "MB"),
    )


def test_what_is_kept_reads_as_it_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "ratios.json"
    save({"full": measured(), "quick": Results.of(BULK)}, path)
    kept = load(path)
    assert kept["full"].figures["mixed"] == measured().figures["mixed"]
    assert kept["full"].curves == {"bulk": CURVE}
    assert kept["full"].shares == measured().shares
    assert list(kept["quick"].figures) == ["bulk"]


def test_nothing_is_kept_where_there_is_no_file(tmp_path: Path) -> None:
    assert load(tmp_path / "ratios.json") == {"full": Results(), "quick": Results()}


def test_newer_results_replace_those_of_their_keys_alone() -> None:
    updated = measured().updated(Results.of(Figure("bulk", "bulk", "plain script", 20.0, 10.0)))
    assert updated.figures["bulk"].ratio == 2
    assert updated.figures["unchanged"].ratio == 2
    assert updated.curves == {"bulk": CURVE}


@pytest.mark.parametrize(("seconds", "sentences"), [(60.0, 0), (61.0, 1)])
def test_more_than_twice_the_kept_ratio_is_slower(seconds: float, sentences: int) -> None:
    now = Results.of(Figure("bulk", "bulk", "plain script", seconds, 10.0))
    assert len(slower(now, Results.of(BULK))) == sentences


def test_a_slower_machine_is_not_slower() -> None:
    assert slower(Results.of(Figure("bulk", "bulk", "plain script", 300.0, 100.0)), Results.of(BULK)) == []


def test_a_target_is_for_the_ratio_or_for_what_was_measured() -> None:
    assert Target(2, 1).value(BULK) == 3
    assert Target(2, 1, "measured").value(BULK) == 30


def test_every_target_is_reachable() -> None:
    assert [key for key, target in TARGETS.items() if target.goal > target.bar] == []


def test_the_table_shows_the_kept_ratio_beside_the_new_one() -> None:
    kept = Results.of(Figure("bulk", "bulk", "plain script", 25.0, 10.0), CURVE)
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(table(measured(), kept, "full"))
    (row,) = [line for line in console.export_text().splitlines() if "plain script" in line]
    assert [cell.strip() for cell in row.split("│")[2:4]] == ["3.00", "2.50"]
    assert "≤ 2 × ✗" in row


def test_the_page_gets_its_tables_and_keeps_its_text() -> None:
    kept = {"full": measured(), "quick": Results()}
    once = page(PLACES, kept)  # type: ignore[arg-type]
    assert "| bulk | **3.00** | plain script | 30.00 s | 10.00 s | ≤ 2 × ✗ | ≤ 1 × ✗ |" in once
    assert "| bulk | **1.00** | 1 files: 2.0 s, 10 files: 20.0 s, 100 files: 200 s |" in once.replace("200.0", "200")
    assert "old" not in once
    assert once.count("before ") == once.count("after\n") == 4
    assert "| `records` | 75 % |\n| Dagster | 25 % |" in once
    assert page(once, kept) == once  # type: ignore[arg-type]


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for sizing"):
        page(PLACES.replace("<!-- end of sizing -->", ""), {"full": measured(), "quick": Results()})


def test_the_page_matches_what_is_kept() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text, load()), "run `python -m benchmarks --page`"


def test_sizing_follows_from_the_cost_of_a_day_and_of_a_file() -> None:
    found = sizing(10_000, measured())
    assert found.processor_s_together == 10_000 * 0.5
    assert found.processor_s_apart == 10_000 * 12 * 0.25 + 1_440 * 3
    assert (found.cores_together, found.cores_apart) == (1, 1)
    assert found.memory_gb == 0.5
    assert found.storage_tb_a_year == pytest.approx(10_000 * 365 * 0.5 / 1e6)


def test_a_hundred_times_the_people_need_a_hundred_times_the_cores() -> None:
    assert sizing(1_000_000, measured()).cores_together == 12  # 500,000 s in 43,200 s
    assert sizing(1_000_000, measured()).memory_gb == 70 * 0.5  # 3,004,320 s in 43,200 s


def test_sizing_waits_for_what_it_needs() -> None:
    text = page(PLACES, {"full": Results.of(BULK), "quick": Results()})
    assert report.NOT_MEASURED in text.partition("before sizing")[2]


def test_the_picture_is_the_same_for_the_same_results(tmp_path: Path) -> None:
    for name in ("once.png", "again.png"):
        draw(measured(), tmp_path / name)
    once = (tmp_path / "once.png").read_bytes()
    assert once.startswith(b"\x89PNG")
    assert once == (tmp_path / "again.png").read_bytes()
