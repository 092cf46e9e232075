"""docker-compose.yml, as docker-compose itself reads it: complete, closed to the network, and the same as the stack."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.stack.service import ProcessService
from deploy.stack.settings import LAKE, RUN_LOGS_BUCKET, StackSettings
from deploy.stack.stack import Stack
from health_etl.settings import variable_names
from health_etl_tests.support.availability import unavailable

SECRETS = {
    "HEALTH_ETL_S3_ACCESS_KEY_ID": "the-access-key",
    "HEALTH_ETL_S3_SECRET_ACCESS_KEY": "the-secret-key",
    "HEALTH_ETL_PSEUDONYM_KEY": "the-pseudonym-key",
    "POSTGRES_PASSWORD": "the-database",
    "RABBITMQ_PASSWORD": "the-broker",
}
DAGSTER = ("setup", "code-server", "webserver", "daemon")
ONE_SHOT = "setup"


def compose(folder: Path, checkout: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Let docker-compose read the file next to an .env with these settings; no engine is needed for that."""
    program = shutil.which("docker-compose")
    if program is None:
        unavailable("no docker-compose: on Debian, apt install docker-compose")
    shutil.copyfile(checkout / "docker-compose.yml", folder / "docker-compose.yml")
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return subprocess.run([program, "config"], cwd=folder, env={}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> dict[str, dict[str, Any]]:
    """The services with every variable put in."""
    done = compose(tmp_path_factory.mktemp("compose"), checkout, SECRETS)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = yaml.safe_load(done.stdout)["services"]
    return found


@pytest.mark.parametrize("missing", SECRETS)
def test_without_a_secret_nothing_starts_and_the_error_names_it(missing: str, tmp_path: Path, checkout: Path) -> None:
    done = compose(tmp_path, checkout, {name: value for name, value in SECRETS.items() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr
    assert "set it in .env" in done.stderr


def test_the_file_itself_holds_no_secret(checkout: Path) -> None:
    text = (checkout / "docker-compose.yml").read_text(encoding="utf-8")
    secret_lines = [line for line in text.splitlines() if re.search(r"(PASS|SECRET|(?<!ROUTING)_KEY)\w*: ", line)]
    assert len(secret_lines) >= len(SECRETS)
    assert all(re.search(r": \$\{\w+:\?set it in \.env\}$", line) for line in secret_lines)


def test_ports_are_open_to_this_machine_only(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(re.match(r"127\.0\.0\.1:\d+:\d+", str(port)) for port in ports)
    assert "ports" not in services["postgresql"]
    assert "ports" not in services["code-server"]


def test_every_service_has_a_health_check_and_limits(services: dict[str, dict[str, Any]]) -> None:
    assert {name for name, service in services.items() if "healthcheck" not in service} == {ONE_SHOT}
    assert all(service["mem_limit"] and service["cpus"] for service in services.values())
    assert {name for name, service in services.items() if service["restart"] != "unless-stopped"} == {ONE_SHOT}
    assert all("no-new-privileges:true" in service["security_opt"] for service in services.values())


def test_each_waits_for_what_it_needs(services: dict[str, dict[str, Any]]) -> None:
    needs = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    healthy = "service_healthy"
    assert needs["setup"] == {"s3": healthy, "postgresql": healthy, "rabbitmq": healthy}
    assert needs["code-server"] == {"setup": "service_completed_successfully"}
    assert needs["webserver"] == needs["daemon"] == {"code-server": healthy}


def test_every_image_is_pinned_and_can_be_replaced(services: dict[str, dict[str, Any]], checkout: Path) -> None:
    images = {name: service["image"] for name, service in services.items() if name not in DAGSTER}
    assert all(re.search(r":[\w.-]*\d+\.\d+|:RELEASE\.\d{4}-\d\d-\d\d", image) for image in images.values()), images
    assert {services[name]["image"] for name in DAGSTER} == {"health_etl:local"}
    text = (checkout / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"image: \$\{(\w+):-", text)) == {"S3_IMAGE", "POSTGRESQL_IMAGE", "RABBITMQ_IMAGE"}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StackSettings:
    """The settings of a stack that is not started."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = StackSettings()
    settings.make_folder()
    return settings


def test_dagsters_processes_match_the_stack_without_docker(
    services: dict[str, dict[str, Any]], made: StackSettings
) -> None:
    for name in ("code-server", "webserver", "daemon"):
        service = Stack(made).service(name)
        assert isinstance(service, ProcessService)
        here = [word.rpartition("/")[2] for word in service.process.command]
        there = [word.rpartition("/")[2] for word in shlex.split(services[name]["command"])]
        assert _without_places(here) == _without_places(there)


def _without_places(words: list[str]) -> list[str]:
    """Leave out addresses and the working folder."""
    places = {index for index, word in enumerate(words) if word in ("-h", "-p", "-d")}
    return [word for index, word in enumerate(words) if not places & {index, index - 1}]


def test_their_settings_match_the_stack_without_docker(
    services: dict[str, dict[str, Any]], made: StackSettings
) -> None:
    own = set(made.own_settings())
    for name in DAGSTER:
        environment = services[name]["environment"]
        set_there = {variable for variable in environment if variable.startswith(("AWS_", "HEALTH_ETL_", "DAGSTER_"))}
        assert set_there == own | {name for name in SECRETS if name.startswith("HEALTH_ETL_")}  # by way of .env
        assert {variable for variable in set_there if variable.startswith("HEALTH_ETL_")} <= set(variable_names())
        assert (environment["HEALTH_ETL_LAKE"], environment["HEALTH_ETL_RUN_LOGS_BUCKET"]) == (LAKE, RUN_LOGS_BUCKET)


def test_the_image_is_built_from_existing_files_and_does_not_run_as_root(checkout: Path) -> None:
    lines = (checkout / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copies = [line.split()[1:] for line in lines if line.startswith("COPY") and "--from" not in line]
    sources = {word for words in copies for word in words[:-1] if not word.startswith("--")}
    assert all((checkout / source).exists() for source in sources), sources
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert int(users[-1]) > 0
    assert any("constraints.txt" in line for line in lines if line.startswith("RUN pip"))
    allowed = (checkout / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    assert {source.rstrip("/").split("/")[0] for source in sources} <= {
        line.removeprefix("!").rstrip("/").split("/")[0] for line in allowed if line.startswith("!")
    }
