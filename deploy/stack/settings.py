"""The settings of the stack's processes: ports, folders, throw-away secrets, and the settings of health_etl."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from deploy.stack.service import NotUpError

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent  # not resolved: that of the virtual environment
HOST = "127.0.0.1"
DEFAULT_PORT = 3100
LAKE = "s3://health-data"
RUN_LOGS_BUCKET = "health-runs"
# A run over a range writes hundreds of materializations; without it each is a transaction of its own.
EVENT_BATCH_SIZE = "200"
NAME = "health_etl"  # of the database, its user, and RabbitMQ's


@dataclass(frozen=True)
class StackSettings:
    """Everything follows from the first of eight ports."""

    port: int = DEFAULT_PORT

    @property
    def code_server_port(self) -> int:
        """Port of the code server."""
        return self.port + 1

    @property
    def s3_port(self) -> int:
        """Port of the S3 server; its monitor takes the next."""
        return self.port + 2

    @property
    def postgresql_port(self) -> int:
        """Port of PostgreSQL."""
        return self.port + 4

    @property
    def rabbitmq_port(self) -> int:
        """Port of RabbitMQ; its node's own and that of the port mapper are the next two."""
        return self.port + 5

    @property
    def ports(self) -> range:
        """All of them."""
        return range(self.port, self.port + 8)

    @property
    def folder(self) -> Path:
        """Folder of everything that the stack keeps. Short: sockets may lie in it."""
        return Path(tempfile.gettempdir()) / f"health-etl-stack-{os.getuid()}-{self.port}"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME of the stack."""
        return self.folder / "dagster_home"

    @property
    def environment_file(self) -> Path:
        """File that sets a shell's environment to the stack's."""
        return self.folder / "environment"

    def make_folder(self) -> None:
        """Make the folder, with deploy/dagster.yaml in its DAGSTER_HOME."""
        self.folder.mkdir(mode=0o711, exist_ok=True)  # the account that PostgreSQL runs under must get through
        if self.folder.stat().st_uid != os.getuid():  # its files are sourced and executed
            raise NotUpError(f"{self.folder} belongs to another account; choose other ports or remove it")
        self.dagster_home.mkdir(exist_ok=True)
        link = self.dagster_home / "dagster.yaml"
        if not link.is_symlink():
            link.symlink_to(CHECKOUT / "deploy" / "dagster.yaml")

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """Passwords, made once for each stack."""
        path = self.folder / "secrets.json"
        if not path.is_file():
            made = {name: secrets.token_urlsafe(24) for name in ("s3_access_key_id", "s3", "postgresql", "rabbitmq")}
            write_for_us_alone(path, json.dumps(made))
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return found

    @property
    def postgresql_url(self) -> str:
        """Address of the database."""
        return f"postgresql://{NAME}:{self.secrets['postgresql']}@{HOST}:{self.postgresql_port}/{NAME}"

    @property
    def dagster_postgres_url(self) -> str:
        """Address of the database as Dagster needs it: with the driver, and connections kept open."""
        return f"{self.postgresql_url.replace('postgresql:', 'postgresql+psycopg2:')}?plugin=kept_connections"

    @property
    def rabbitmq_url(self) -> str:
        """Address of the message broker."""
        return f"amqp://{NAME}:{self.secrets['rabbitmq']}@{HOST}:{self.rabbitmq_port}/%2F"

    @property
    def webserver_url(self) -> str:
        """Address of the UI."""
        return f"http://{HOST}:{self.port}"

    @property
    def s3_url(self) -> str:
        """Address of the S3 server."""
        return f"http://{HOST}:{self.s3_port}"

    def own_settings(self) -> dict[str, str]:
        """Return the variables that lead `health-etl` and Dagster to the stack."""
        return {
            "HEALTH_ETL_LAKE": LAKE,
            "HEALTH_ETL_S3_ENDPOINT_URL": self.s3_url,
            "HEALTH_ETL_S3_ACCESS_KEY_ID": self.secrets["s3_access_key_id"],
            "HEALTH_ETL_S3_SECRET_ACCESS_KEY": self.secrets["s3"],
            # The same under boto3's own names: Dagster's log manager takes no keys of its own.
            "AWS_ACCESS_KEY_ID": self.secrets["s3_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.secrets["s3"],
            "HEALTH_ETL_S3_REGION": "us-east-1",
            "HEALTH_ETL_RABBITMQ_URL": self.rabbitmq_url,
            "HEALTH_ETL_S3_EVENTS": "ceph",
            "HEALTH_ETL_RUN_LOGS_BUCKET": RUN_LOGS_BUCKET,
            "HEALTH_ETL_DAGSTER_POSTGRES_URL": self.dagster_postgres_url,
            "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
            "DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_CODE_SERVER_HOST": HOST,
            "DAGSTER_CODE_SERVER_PORT": str(self.code_server_port),
        }

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the Dagster processes: ours, with the stack's settings over it."""
        search_path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, "PATH": search_path, **self.own_settings()}

    def write_environment_file(self) -> None:
        """Write the settings for a shell."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in self.own_settings().items()]
        write_for_us_alone(self.environment_file, "".join(lines))


def write_for_us_alone(path: Path, text: str) -> None:
    """Write a file that no other account can read at any moment."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
