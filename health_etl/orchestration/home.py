"""DAGSTER_HOME: found, given the project's dagster.yaml, or refused. Without that file Dagster runs on its defaults."""

from __future__ import annotations

import os
from pathlib import Path

from health_etl.errors import PermanentError
from health_etl.settings import home_folder, project_root

INSTANCE_FILE = "dagster.yaml"


def dagster_home() -> Path:
    """Return DAGSTER_HOME, set for Dagster. The default one is made, and one without dagster.yaml gets the project's.

    Raises PermanentError where it is not a folder, or where there is no dagster.yaml to give it.
    """
    home = home_folder()
    if not os.environ.get("DAGSTER_HOME"):
        home.mkdir(parents=True, exist_ok=True)
    if not home.is_dir():
        raise PermanentError(f"DAGSTER_HOME {home} is not a folder; create it, or unset DAGSTER_HOME.")
    ours = project_root() / INSTANCE_FILE
    if ours.is_file() and not (home / INSTANCE_FILE).is_file():
        link = home / INSTANCE_FILE
        link.unlink(missing_ok=True)  # a broken link
        link.symlink_to(os.path.relpath(ours, home.resolve()))
    os.environ["DAGSTER_HOME"] = str(home.resolve())
    check_home()
    return home


def check_home() -> None:
    """Refuse a DAGSTER_HOME without dagster.yaml; raises PermanentError."""
    home = os.environ.get("DAGSTER_HOME")
    if home and not (Path(home) / INSTANCE_FILE).is_file():
        raise PermanentError(
            f"DAGSTER_HOME {home} has no {INSTANCE_FILE}, and Dagster would run on its defaults; "
            "copy the project's into it, or unset DAGSTER_HOME."
        )
