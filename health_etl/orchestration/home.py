"""DAGSTER_HOME: found, given the project's dagster.yaml, or refused. Without that file Dagster runs on its defaults."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from health_etl.errors import PermanentError, TransientError
from health_etl.settings import home_folder, project_root

if TYPE_CHECKING:
    import dagster as dg

INSTANCE_FILE = "dagster.yaml"
DATABASES = ("sqlite3", "psycopg2", "sqlalchemy")


def dagster_home() -> Path:
    """Return DAGSTER_HOME, set for Dagster. The default one is made, and one without dagster.yaml gets the project's.

    Raises PermanentError where it is not a folder or cannot be written, or where there is no dagster.yaml to give it.
    """
    home = home_folder()
    try:
        if not os.environ.get("DAGSTER_HOME"):
            home.mkdir(parents=True, exist_ok=True)
        if not home.is_dir():
            raise PermanentError(f"DAGSTER_HOME {home} is not a folder; create it, or unset DAGSTER_HOME.")
        _fill(home)
    except OSError as error:
        raise cannot_write(home, error) from None
    os.environ["DAGSTER_HOME"] = str(home.resolve())
    check_home()
    return home


def _fill(home: Path) -> None:
    """Link the project's dagster.yaml into a home that has none."""
    ours = project_root() / INSTANCE_FILE
    if ours.is_file() and not (home / INSTANCE_FILE).is_file():
        link = home / INSTANCE_FILE
        link.unlink(missing_ok=True)  # a broken link
        link.symlink_to(os.path.relpath(ours, home.resolve()))


def open_instance() -> dg.DagsterInstance:
    """Return the instance of DAGSTER_HOME, its database reached; raises TransientError where that fails."""
    import dagster as dg  # here, since a run that finds nothing new needs no instance

    try:
        instance = dg.DagsterInstance.get()
        instance.get_run_records(limit=1)
    except Exception as error:  # noqa: BLE001 - each storage raises whatever its driver raises
        raise broken_instance(error) or TransientError(
            f"Dagster's instance in {home_folder()} cannot be opened ({type(error).__name__}); check its "
            f"{INSTANCE_FILE}, and that the database it names is running."
        ) from None
    return instance


def broken_instance(error: Exception) -> TransientError | None:
    """Return the error for an instance whose database failed in use; None if `error` is about something else."""
    drivers_own = getattr(error, "orig", None) or error  # SQLAlchemy wraps the driver's
    if type(drivers_own).__module__.partition(".")[0] not in DATABASES:
        return None
    # Of SQLite's own messages none holds a value; PostgreSQL's may.
    words = f": {drivers_own}" if isinstance(drivers_own, sqlite3.Error) else ""
    return TransientError(
        f"Dagster's database, of the instance in {home_folder()}, failed ({type(drivers_own).__name__}{words}); check "
        f"the disk of that folder and its {INSTANCE_FILE}, then run again."
    )


def cannot_write(home: Path, error: OSError) -> PermanentError:
    """Return the error for a DAGSTER_HOME that this account cannot write."""
    return PermanentError(
        f"DAGSTER_HOME {home} cannot be written ({error.strerror}); change its permissions, or name another folder."
    )


def check_home() -> None:
    """Refuse a DAGSTER_HOME without dagster.yaml; raises PermanentError."""
    home = os.environ.get("DAGSTER_HOME")
    if home and not (Path(home) / INSTANCE_FILE).is_file():
        raise PermanentError(
            f"DAGSTER_HOME {home} has no {INSTANCE_FILE}, and Dagster would run on its defaults; "
            "copy the project's into it, or unset DAGSTER_HOME."
        )
