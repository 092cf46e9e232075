"""Skipping tests whose service or program is not available, or failing them in CI."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import NoReturn

import pytest

HOST = "127.0.0.1"


def unavailable(reason: str) -> NoReturn:
    """Skip with this reason, or fail with it where services are required, as in CI."""
    if os.environ.get("TEST_HEALTH_ETL_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def listens(port: int) -> bool:
    """Tell whether a program listens on a port of this machine."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0
