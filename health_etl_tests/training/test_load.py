"""Any set of journal files loads in one call, with the same columns and types whichever file comes first.

`make load-test` does the same with an earlier major version of `datasets`, and with readers that the project does not
install.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.json
import pytest

from health_etl.clinical import all_processors
from health_etl.training.line_format import METADATA, TEXTS
from health_etl_tests.support.exports import BEN, BUILDERS, NOON, folder_lake, put
from health_etl_tests.support.pipeline import bring_up_to_date

PROGRAM = Path(__file__).with_name("load_files.py")
# The interpreter whose `datasets` loads the files; `make load-test` names others.
PYTHON = os.environ.get("TEST_HEALTH_ETL_DATASETS_PYTHON", sys.executable)

ARROW = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "strings": pa.list_(pa.string())}
SCHEMA = pa.schema(
    [
        *((field.name, ARROW[field.kind]) for field in TEXTS),
        ("metadata", pa.struct([(field.name, ARROW[field.kind]) for field in METADATA])),
    ]
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two months of every domain: in the second, people have more data, and so more figures and derived numbers."""
    folder = tmp_path_factory.mktemp("journal")
    lake = folder_lake(folder / "lake")
    for name, build in BUILDERS.items():
        put(lake, name, [build("early", NOON - timedelta(days=25))])
        put(lake, name, [build(f"r{n}", NOON - timedelta(days=n)) for n in range(9)])
        put(lake, name, [build(f"b{n}", NOON + timedelta(hours=n), app="Ben's ring") for n in range(3)], user_id=BEN)
    bring_up_to_date(lake)
    found = sorted((folder / "lake" / "training").rglob("*.jsonl"))
    domains = {processor.domain for processor in all_processors().values()}
    assert len(found) == 2 * len(domains)
    return found


def test_every_file_by_itself_has_the_schema_of_all(files: Sequence[Path]) -> None:
    assert {path: pyarrow.json.read_json(path).schema for path in files} == dict.fromkeys(files, SCHEMA)


def test_a_single_line_has_the_schema_of_all(files: Sequence[Path]) -> None:
    lines = {line for path in files for line in path.read_bytes().splitlines()}
    others = [line for line in lines if pyarrow.json.read_json(io.BytesIO(line)).schema != SCHEMA]
    assert others == []


@pytest.mark.parametrize("is_reversed", [False, True], ids=["first month first", "last month first"])
def test_all_files_load_in_one_call_and_streaming(files: Sequence[Path], is_reversed: bool) -> None:
    loaded = load(sorted(files, reverse=is_reversed))
    assert loaded["rows"] == sum(len(path.read_bytes().splitlines()) for path in files)
    assert "2025-08-26 Tue" in loaded["dates"]
    assert "2025-09-20 Sat" in loaded["dates"]


@pytest.mark.parametrize("reader", ["datasets", "polars", "duckdb", "pandas"])
def test_the_documented_ways_to_load_them_work(files: Sequence[Path], reader: str) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "training-format.md").read_text(encoding="utf-8")
    (code,) = [
        one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if f" {reader}" in one.split("\n\n")[-2]
    ]
    folder = next(path for path in files[0].parents if path.name == "training").parent
    result = "figures" if "figures" in code else "table"
    found = run("-c", f"{code}\nassert len({result})", cwd=folder)
    if f"No module named '{reader}'" in found.stderr:
        pytest.skip(f"{reader} is not installed")
    assert found.returncode == 0, found.stderr[-2000:]


def test_every_line_fits_the_published_schema(files: Sequence[Path]) -> None:
    schema = json.loads((Path(__file__).resolve().parents[2] / "docs" / "training-format.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    lines = [json.loads(line) for path in files for line in path.read_bytes().splitlines()]
    assert [error.json_path for line in lines for error in validator.iter_errors(line)] == []
    assert not validator.is_valid({**lines[0], "user_id": "anna"})


def load(files: Sequence[Path]) -> dict[str, Any]:
    """Load the files in a process of their own, since `datasets` is not made for this suite's strictness."""
    found = run(str(PROGRAM), *map(str, files))
    assert found.returncode == 0, found.stderr[-2000:]
    loaded: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return loaded


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    if cwd is not None:
        offline["HF_HOME"] = str(cwd / "cache")
    return subprocess.run([PYTHON, *arguments], env=offline, cwd=cwd, capture_output=True, text=True, check=False)
