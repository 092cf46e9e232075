"""dagster.yaml of a laptop and deploy/dagster.yaml of a stack: alike except for where Dagster keeps its data."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from deploy.stack.settings import StackSettings

OF_A_STACK = {"storage", "compute_logs"}


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def test_they_differ_only_in_the_two_sections_about_servers(checkout: Path) -> None:
    laptop, stack = read(checkout / "dagster.yaml"), read(checkout / "deploy" / "dagster.yaml")
    assert set(stack) - set(laptop) == OF_A_STACK
    assert {name: stack[name] for name in stack if name not in OF_A_STACK} == laptop
    assert {"concurrency", "run_queue", "run_monitoring", "sensors", "telemetry"} <= set(laptop)


def test_both_use_stock_classes_and_a_stack_takes_every_address_from_the_environment(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (checkout / "dagster.yaml").read_text() + (checkout / "deploy" / "dagster.yaml").read_text()
    assert "health_etl." not in text
    stack = read(checkout / "deploy" / "dagster.yaml")
    config = stack["compute_logs"]["config"]
    addresses = [
        stack["storage"]["postgres"]["postgres_url"],
        *(config[n] for n in ("bucket", "endpoint_url", "region")),
    ]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = StackSettings()
    settings.make_folder()
    assert {address["env"] for address in addresses} <= settings.own_settings().keys()


def test_a_laptop_keeps_everything_in_files_under_its_home(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(checkout / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert not instance.get_run_records()
        assert instance.compute_log_manager.get_captured_local_path(["run"], "out").startswith(str(tmp_path))
    assert (tmp_path / "history" / "runs.db").is_file()
