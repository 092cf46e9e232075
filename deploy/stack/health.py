"""Is a service up? Each probe asks it something; it returns None when the answer is right, else what is wrong."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.request
from typing import Any

PATIENCE_SECONDS = 5
AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime } } } }"


def s3(url: str) -> str | None:
    """Ask an S3 server for anything: even a refusal is an answer."""
    try:
        with _NO_PROXY.open(url, timeout=PATIENCE_SECONDS):
            return None
    except urllib.error.HTTPError as refusal:
        return None if refusal.code == http.client.FORBIDDEN else f"answers {refusal.code}"
    except OSError:
        return "no answer"


def postgresql(url: str) -> str | None:
    """Log in."""
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=PATIENCE_SECONDS).close()
    except psycopg2.OperationalError as error:
        return str(error).strip().splitlines()[-1]
    return None


def rabbitmq(host: str, port: int) -> str | None:
    """Greet in AMQP 0-9-1; a broker answers with a method frame, Connection.Start."""
    try:
        with socket.create_connection((host, port), PATIENCE_SECONDS) as connection:
            connection.sendall(AMQP_0_9_1)
            return None if connection.recv(1) == METHOD_FRAME else "answers, but not in AMQP 0-9-1"
    except OSError:
        return "no answer"


def listens(host: str, port: int) -> str | None:
    """Connect."""
    try:
        socket.create_connection((host, port), PATIENCE_SECONDS).close()
    except OSError:
        return "no answer"
    return None


def code_server(host: str, port: int) -> str | None:
    """Ask over gRPC."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(f"{host}:{port}") as channel:
        question = health_pb2.HealthCheckRequest(service="DagsterApi")
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(question, timeout=PATIENCE_SECONDS)
        except grpc.RpcError:
            return "no answer"
    return None if answer.status == health_pb2.HealthCheckResponse.SERVING else "does not serve yet"


def webserver(url: str) -> str | None:
    """Ask for the code locations: each must have loaded."""
    found = _graphql(url, LOCATIONS)
    if found is None:
        return "no answer"
    entries = found["workspaceOrError"].get("locationEntries", [])
    states = {entry["name"]: (entry["locationOrLoadError"] or {}).get("__typename") for entry in entries}
    failed = sorted(name for name, state in states.items() if state != "RepositoryLocation")
    if not states:
        return "has no code location"
    return f"{', '.join(failed)} does not load" if failed else None


def daemons(url: str, since: float) -> str | None:
    """Ask the webserver for the daemons' heartbeats; one from before `since`, in seconds of 1970, does not count.

    Dagster itself calls a daemon healthy for half an hour after its last heartbeat.
    """
    found = _graphql(url, DAEMONS)
    if found is None:
        return "the webserver cannot tell"
    required = [status for status in found["instance"]["daemonHealth"]["allDaemonStatuses"] if status["required"]]
    silent = [
        status["daemonType"]
        for status in required
        if not status["healthy"] or (status["lastHeartbeatTime"] or 0) < since
    ]
    return f"no heartbeat of {', '.join(sorted(silent))}" if silent or not required else None


def _graphql(url: str, query: str) -> dict[str, Any] | None:
    request = urllib.request.Request(  # noqa: S310 - always http
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with _NO_PROXY.open(request, timeout=PATIENCE_SECONDS) as answer:
            data: dict[str, Any] | None = json.load(answer).get("data")
            return data
    except (OSError, ValueError):
        return None
