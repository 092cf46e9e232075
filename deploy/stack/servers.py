"""The three servers under Dagster: S3, PostgreSQL and RabbitMQ, from Debian's packages, as root or not."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from deploy.stack import health
from deploy.stack.process import Process, as_user
from deploy.stack.service import NotUpError, ProcessService
from deploy.stack.settings import CHECKOUT, HOST, NAME, StackSettings, write_for_us_alone

S3_SCRIPTS = CHECKOUT / "health_etl_tests" / "services"
POSTGRESQL_PROGRAMS = Path("/usr/lib/postgresql")
# Debian's /usr/sbin/rabbitmq-server runs as the system's rabbitmq alone; this is what it wraps.
RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
SEARCH_PATH = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin{os.pathsep}/sbin"


class S3Server:
    """Ceph, in memory, by the scripts that the services tests use too."""

    name = "s3"

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.address = settings.s3_url

    def start(self) -> None:
        """Start it and wait until it is up."""
        self._script("start-s3.sh")

    def stop(self) -> None:
        """Stop it and delete its data."""
        self._script("stop-s3.sh")

    def kill(self) -> None:
        """Stop the gateway alone: the objects stay."""
        self._script("stop-s3.sh", "gateway")

    def problem(self) -> str | None:
        """Return what is wrong with it, None if it is healthy."""
        return health.s3(self.address)

    def last_lines(self) -> str:
        """Return nothing: the script prints its own messages."""
        return ""

    def _script(self, name: str, *arguments: str) -> None:
        secrets = self.settings.secrets
        own = {
            "TMPDIR": str(self.settings.folder),
            "TEST_HEALTH_ETL_S3_PORT": str(self.settings.s3_port),
            "TEST_HEALTH_ETL_S3_ACCESS_KEY_ID": secrets["s3_access_key_id"],
            "TEST_HEALTH_ETL_S3_SECRET_ACCESS_KEY": secrets["s3"],
        }
        done = subprocess.run(
            [str(S3_SCRIPTS / name), *arguments],
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotUpError(done.stderr.strip())


class PostgreSQL(ProcessService):
    """A cluster of its own. PostgreSQL refuses to be root: then it runs under the account of Debian's package."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.data = settings.folder / "postgresql"
        self.user = "postgres" if os.getuid() == 0 else None
        options = {
            "listen_addresses": HOST,
            "port": str(settings.postgresql_port),
            "unix_socket_directories": "",
            "fsync": "off",  # goes with the stack: it need not outlive a power cut
        }
        process = Process(
            "postgresql",
            (
                _postgresql_program("postgres"),
                "-D",
                str(self.data),
                *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
            ),
            settings.folder,
            _plain(),
            self.user,
            signal.SIGINT,  # ends active sessions; SIGTERM would wait for every client to disconnect
        )
        super().__init__(process, f"{HOST}:{settings.postgresql_port}")

    def start(self) -> None:
        """Make the cluster where there is none, and start it."""
        if not self.data.is_dir():
            self._make_cluster()
        if self.process.pid is None:
            # After a crash; its pid may be another program's by now, and PostgreSQL would not start.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        super().start()

    def probe(self) -> str | None:
        """Return what is wrong with its answer, None if nothing is."""
        return health.postgresql(self.settings.postgresql_url)

    def _make_cluster(self) -> None:
        unfinished = self.data.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = unfinished.with_suffix(".password")
        write_for_us_alone(password, self.settings.secrets["postgresql"])
        if self.user:
            account = pwd.getpwnam(self.user)
            for path in (unfinished, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        self._run(
            *("initdb", "-D", str(unfinished), "--no-sync", "--username", NAME, "--pwfile", str(password)),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
        )
        password.unlink()
        self._run("postgres", "--single", "-D", str(unfinished), "postgres", typed=f"CREATE DATABASE {NAME}\n")
        unfinished.rename(self.data)

    def _run(self, program: str, *arguments: str, typed: str = "") -> None:
        done = subprocess.run(
            [_postgresql_program(program), *arguments],
            cwd=self.settings.folder,
            env=_plain(),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            **as_user(self.user),
        )
        if done.returncode:
            raise NotUpError(f"{program} failed: {done.stderr.strip()}")


class PortMapper(ProcessService):
    """Erlang's port mapper. RabbitMQ would start one for the whole machine and leave it behind."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        port = settings.rabbitmq_port + 2
        command = ("epmd", "-port", str(port), "-address", HOST)
        super().__init__(Process("epmd", command, settings.folder, _plain()), f"{HOST}:{port}")

    def probe(self) -> str | None:
        """Return what is wrong with its answer, None if nothing is."""
        return health.listens(HOST, self.settings.rabbitmq_port + 2)


class RabbitMQ(ProcessService):
    """A node of its own: own name, ports, cookie and folders; nothing of the system's RabbitMQ is read."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.data = settings.folder / "rabbitmq"
        port = settings.rabbitmq_port
        own = {
            "HOME": str(self.data),  # of Erlang's cookie
            "RABBITMQ_NODENAME": f"{NAME}@localhost",
            "RABBITMQ_BASE": str(self.data),
            "RABBITMQ_MNESIA_BASE": str(self.data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.data),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.data / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.data / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.data / "rabbitmq.pid"),
            "RABBITMQ_DIST_PORT": str(port + 1),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(port + 2),
        }
        command = (str(RABBITMQ_SERVER),)
        super().__init__(Process("rabbitmq", command, settings.folder, _plain() | own), f"{HOST}:{port}")

    def start(self) -> None:
        """Write its configuration and start it."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        write_for_us_alone(
            self.data / "rabbitmq.conf",
            f"listeners.tcp.1 = {self.address}\n"
            f"default_user = {NAME}\n"
            f"default_pass = {self.settings.secrets['rabbitmq']}\n"
            "log.console.level = warning\n",
        )
        super().start()

    def probe(self) -> str | None:
        """Return what is wrong with its answer, None if nothing is."""
        return health.rabbitmq(HOST, self.settings.rabbitmq_port)


def missing_packages() -> list[str]:
    """Return the packages of Debian that the servers lack here."""
    needed = {"ceph": "ceph-common", "ceph-mon": "ceph-mon", "ceph-osd": "ceph-osd", "radosgw": "radosgw"}
    missing = [package for program, package in needed.items() if not shutil.which(program, path=SEARCH_PATH)]
    if not shutil.which(_postgresql_program("initdb")):
        missing.append("postgresql")
    return missing if RABBITMQ_SERVER.exists() else [*missing, "rabbitmq-server"]


def _postgresql_program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, of the newest release that is installed."""
    found = sorted(POSTGRESQL_PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else name


def _plain() -> dict[str, str]:
    """Return an environment that none of the user's settings reaches."""
    return {"PATH": SEARCH_PATH, "LANG": "C.UTF-8"}
