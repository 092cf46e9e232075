"""`python -m health_etl_tests.isolation FOLDER` puts a bad item of every kind into a lake, to see what runs say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from health_etl_tests.isolation.items import Stage, Store
from health_etl_tests.isolation.table import REFUSED, items_on
from health_etl_tests.isolation.worlds import FolderWorld


def main(folder: Path) -> None:
    """Put everything there but what a folder can refuse only to some accounts."""
    world = FolderWorld(folder.resolve(), pytest.MonkeyPatch())
    items = [item for item in items_on(Store.FOLDER, REFUSED) if item.stage is not Stage.FETCH]
    for item in items:
        item.put_into(world)
    print(f"{len(items)} bad items put into {folder}")  # noqa: T201


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
