"""DAGSTER_HOME: given the project's dagster.yaml, or refused; never left to Dagster's defaults."""

from __future__ import annotations

import os
import threading
import tomllib
from pathlib import Path

import pytest

from health_etl.errors import PermanentError, TransientError
from health_etl.orchestration import home
from health_etl.orchestration.home import check_home, dagster_home, open_instance
from health_etl.orchestration.run_lock import alone_on_this_host
from health_etl_tests.support.waiting import PATIENCE_SECONDS


def test_a_home_without_dagster_yaml_gets_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert dagster_home() == tmp_path
    assert (tmp_path / "dagster.yaml").samefile(checkout / "dagster.yaml")
    check_home()


def test_a_home_with_its_own_dagster_yaml_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    dagster_home()
    assert (tmp_path / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_a_broken_link_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").symlink_to(tmp_path / "gone.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert (dagster_home() / "dagster.yaml").is_file()


def test_the_default_home_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    (tmp_path / "dagster.yaml").write_bytes((checkout / "dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setattr(home, "home_folder", lambda: tmp_path / "data" / "dagster_home")
    monkeypatch.setattr(home, "project_root", lambda: tmp_path)
    assert (dagster_home() / "dagster.yaml").is_file()
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "data" / "dagster_home")


def test_a_home_that_is_not_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "missing"))
    with pytest.raises(PermanentError, match="is not a folder; create it"):
        dagster_home()
    assert not (tmp_path / "missing").exists()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").mkdir()  # neither a file nor a link that could be replaced
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(PermanentError, match=r"cannot be written \(.+\); change its permissions"):
        dagster_home()


def test_a_lock_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "health-etl-run.lock").mkdir()
    with pytest.raises(PermanentError, match="cannot be written"), alone_on_this_host(tmp_path, lambda: None):
        pytest.fail("nobody holds such a lock")


def test_the_lock_says_whether_an_earlier_holder_may_have_left_runs_without_an_end(tmp_path: Path) -> None:
    with alone_on_this_host(tmp_path, lambda: None) as lock:
        assert not lock.all_ended  # nobody knows
        with lock.open_runs():
            assert not lock.all_ended
    with alone_on_this_host(tmp_path, lambda: None) as lock:
        assert lock.all_ended
        with pytest.raises(KeyboardInterrupt), lock.open_runs():
            raise KeyboardInterrupt
    with alone_on_this_host(tmp_path, lambda: None) as lock:
        assert not lock.all_ended


def test_who_waits_for_another_run_says_so(tmp_path: Path) -> None:
    waiting, held = threading.Event(), threading.Event()

    def second() -> None:
        with alone_on_this_host(tmp_path, waiting.set):
            held.set()

    thread = threading.Thread(target=second)
    with alone_on_this_host(tmp_path, lambda: pytest.fail("nobody else holds it")):
        thread.start()
        assert waiting.wait(PATIENCE_SECONDS)
        assert not held.is_set()
    thread.join(PATIENCE_SECONDS)
    assert held.is_set()


def test_a_database_that_is_down_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql+psycopg2://dagster:hidden@127.0.0.1:1/dagster"
    (tmp_path / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: '{url}'}}}}\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(TransientError, match="cannot be opened") as caught:
        open_instance()
    assert "hidden" not in str(caught.value)


def test_the_definitions_do_not_load_on_a_home_without_dagster_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    from health_etl.definitions import defs

    with pytest.raises(PermanentError, match=r"has no dagster\.yaml, and Dagster would run on its defaults"):
        defs()


def test_dagsters_own_commands_find_the_definitions_from_the_checkout(checkout: Path) -> None:
    tools = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert tools["dagster"]["module_name"] == "health_etl.definitions"
    assert tools["dg"]["project"]["code_location_target_module"] == "health_etl.definitions"
    assert tools["dg"]["project"]["code_location_name"] == tools["dagster"]["code_location_name"] == "health_etl"
