"""`python -m deploy.stack up | status | down`; behind make stack, stack-status and stack-down."""

from __future__ import annotations

import argparse
import sys

from deploy.stack.service import NotUpError
from deploy.stack.settings import DEFAULT_PORT, StackSettings
from deploy.stack.stack import Stack


def main() -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.stack", description=__doc__)
    parser.add_argument("command", choices=("up", "status", "down"))
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="first of eight ports (default: %(default)s)")
    arguments = parser.parse_args()
    stack = Stack(StackSettings(arguments.port))
    try:
        return {"up": _up, "status": _status, "down": _down}[arguments.command](stack)
    except NotUpError as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1


def _up(stack: Stack) -> int:
    stack.up(_say)
    settings = stack.settings
    print(f"\nDagster UI  {settings.webserver_url}")
    print(f"S3          {settings.s3_url}, buckets health-data and health-runs")
    print(f"RabbitMQ    {stack.service('rabbitmq').address}")
    print(f"PostgreSQL  {stack.service('postgresql').address}")
    print(f"\nhealth-etl works on it after:  source {settings.environment_file}")
    print("make stack-status shows what is not up; make stack-down stops everything and deletes its data.")
    return 0


def _status(stack: Stack) -> int:
    problems = stack.problems()
    for service in stack.services():
        problem = problems[service.name]
        print(f"{'-' if problem else '+'} {service.name:<12} {service.address:<24} {problem or 'healthy'}")
    return 1 if any(problems.values()) else 0


def _down(stack: Stack) -> int:
    stack.down(_say)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")  # at once, so that two services cannot share a line
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
