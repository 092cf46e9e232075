"""One process that outlives this one: started detached, found again by its pid file, stopped with all its children."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STOP_SECONDS = 20


@dataclass(frozen=True)
class Process:
    """A command, and where it leaves its pid and its output."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    user: str | None = None  # another account than ours; only root may set one
    stop_signal: signal.Signals = field(default=signal.SIGTERM)

    @property
    def log(self) -> Path:
        """File with its output."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Process id; None if it is not running. A pid that has since been given to another program does not count."""
        try:
            pid, started = self._pid_file.read_text(encoding="ascii").split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if _start_time(int(pid)) == started else None

    @property
    def started_at(self) -> float:
        """When it was last started, in seconds since 1970."""
        return self._pid_file.stat().st_mtime

    def start(self) -> None:
        """Start it, unless it is running."""
        if self.pid is not None:
            return
        with self.log.open("ab") as log:
            running = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **as_user(self.user),
            )
        self._pid_file.write_text(f"{running.pid} {_start_time(running.pid)}", encoding="ascii")
        # It is meant to outlive us, so we do not wait for it.
        running.returncode = 0

    def stop(self) -> None:
        """Stop it and its children: by signal, and by force if that takes too long."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, self.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while self.pid is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        self._kill_group(pid)

    def kill(self) -> None:
        """Kill it and its children at once, as a crash would."""
        pid = self.pid
        if pid is not None:
            self._kill_group(pid)

    def _kill_group(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        while self.pid is not None:
            time.sleep(0.02)

    def last_lines(self, count: int = 5) -> str:
        """Return the end of its output."""
        if not self.log.is_file():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"


def _start_time(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; None if it is not running. Reaps zombies."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *rest = stat.rpartition(")")[2].split()
    if state != "Z":
        return rest[18]
    with suppress(ChildProcessError):  # its parent is this process, or has gone
        os.waitpid(pid, os.WNOHANG)
    return None


def as_user(name: str | None) -> dict[str, Any]:
    """Return the options of subprocess that run a command under another account."""
    if name is None:
        return {}
    account = pwd.getpwnam(name)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
