"""The processes of the stack without Docker: found again, stopped with their children, never mistaken for another."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.stack.process import Process
from deploy.stack.service import NotUpError
from deploy.stack.settings import StackSettings
from deploy.stack.stack import Stack
from health_etl_tests.support.stack import free_ports
from health_etl_tests.support.waiting import wait_for

WITH_A_CHILD = "sleep 600 & echo $! > child; wait"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """A shell with a child that sleeps."""
    made = Process("sleeper", ("/bin/sh", "-c", f"echo begun; {WITH_A_CHILD}"), tmp_path, {"PATH": os.defpath})
    yield made
    made.kill()


def child_of(process: Process) -> int:
    """Return the pid of the shell's child, once it is there."""
    path = process.folder / "child"
    return int(wait_for(lambda: path.is_file() and path.read_text(), every=0.01))


def lives(pid: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_started_process_is_found_again_by_another_object_and_not_started_twice(process: Process) -> None:
    assert process.pid is None
    process.start()
    same = Process(process.name, process.command, process.folder, process.environment)
    assert same.pid == process.pid is not None
    same.start()
    assert same.pid == process.pid


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_its_children_end_with_it(process: Process, end: str) -> None:
    process.start()
    child = child_of(process)
    getattr(process, end)()
    assert process.pid is None
    wait_for(lambda: not lives(child), every=0.01)


def test_the_pid_of_another_program_is_not_taken_for_its_own(process: Process) -> None:
    (process.folder / "sleeper.pid").write_text(f"{os.getpid()} 1")
    assert process.pid is None
    process.stop()  # must not reach us


def test_its_last_lines_are_shown(process: Process) -> None:
    assert process.last_lines() == ""
    process.start()
    child_of(process)
    assert process.last_lines() == "begun"
    assert process.stop_signal == signal.SIGTERM


def test_a_port_in_use_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("deploy.stack.stack.missing_packages", list)
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(NotUpError, match=rf"another program listens on port {port}; .* make stack STACK_PORT="):
            Stack(StackSettings(port)).up(lambda _line: None)
    assert not StackSettings(port).folder.exists()


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.stack.stack.missing_packages", lambda: ["postgresql", "rabbitmq-server"])
    with pytest.raises(NotUpError, match=r"apt install postgresql rabbitmq-server$"):
        Stack(StackSettings(9)).up(lambda _line: None)


def test_a_stack_that_was_never_started_is_reported_as_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(NotUpError, match="not up; start it with: make stack"):
        Stack(StackSettings(9)).problems()
    Stack(StackSettings(9)).down(lambda _line: None)


def test_two_test_processes_never_share_a_stack() -> None:
    with free_ports() as first, free_ports() as second:
        assert not set(StackSettings(first).ports) & set(StackSettings(second).ports)
