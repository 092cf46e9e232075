"""`health-etl report`: one page in one file, or one sentence."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from health_etl_tests.cli.conftest import Finished
    from health_etl_tests.conftest import CommandLine


def test_a_day_becomes_one_page_that_only_its_owner_can_read(demo: Finished, tmp_path: Path) -> None:
    out = tmp_path / "day.html"
    result = demo.command("report", "--user", "demo", "--date", "2025-09-15", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert f"{out}: 1 day of demo" in result.stdout
    content = out.read_text(encoding="utf-8")
    assert "Monday, 15 September 2025" in content
    assert content.count("<svg") >= 4
    assert not re.search(r'(?:src|href)="(?!#)', content)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_range_becomes_one_page_and_the_same_each_time(demo: Finished, tmp_path: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        arguments = ("report", "--user", "demo", "--date", "2025-09-14", "--to", "2025-09-20", "--out", tmp_path / name)
        assert demo.command(*arguments).exit_code == 0
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]
    assert "nothing recorded on" in pages[0].decode()


def test_the_file_is_named_after_person_and_day(
    demo: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.command("report", "--user", "demo", "--date", "2025-09-15").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["health-report_demo_2025-09-15.html"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--user", "nobody", "--date", "2025-09-15"), "no insights of nobody"),
        (("--user", "demo", "--date", "2024-01-01"), "there are"),
        (("--user", "demo", "--date", "2025-09-15", "--to", "2025-09-14"), "is earlier than"),
        (("--user", "demo", "--date", "2024-01-01", "--to", "2025-01-01"), "at most 92 days"),
        (("--user", "../etc", "--date", "2025-09-15"), "is not a valid user id"),
        (("--user", "demo", "--date", "2025-09-15", "--out", "/nowhere/page.html"), "name another file with --out"),
    ],
)
def test_a_mistake_is_reported_in_one_sentence_and_no_file_is_written(
    demo: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = demo.command("report", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.strip().count("\n") == 0
    assert list(tmp_path.iterdir()) == []


def test_an_empty_lake_is_reported_in_one_sentence(command: CommandLine) -> None:
    result = command("report", "--user", "demo", "--date", "2025-09-15")
    assert result.exit_code == 1
    assert "no insights of demo" in result.stderr
