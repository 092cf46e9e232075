"""Generated pages say what the code says, and written ones name files that exist and show code that works."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import health_etl.clinical
from health_etl_tests.clinical.number_lint import unsourced_numbers

CLINICAL = Path(health_etl.clinical.__file__).parent
DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {
    "generate_data_dictionary.py": "data-dictionary.md",
    "generate_clinical_sources.py": "clinical-sources.md",
    "generate_training_format.py": "training-format.md",
}


def generator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), DOCS / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "page"), PAGES.items())
def test_a_generated_page_matches_the_code(name: str, page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == generator(name).page(), "run `make docs`"


def test_the_schema_of_training_lines_matches_the_code() -> None:
    schema = (DOCS / "training-format.schema.json").read_text(encoding="utf-8")
    assert schema == generator("generate_training_format.py").schema(), "run `make docs`"


def test_the_clinical_sources_name_every_number_of_the_clinical_code() -> None:
    code = [path.read_text(encoding="utf-8") for path in CLINICAL.rglob("*.py")]
    made = re.compile(r"^(\w+)(?:: \w+)? = (?:sourced|definition)\(", re.MULTILINE)
    names = {name for text in code for name in made.findall(text)}
    page = (DOCS / "clinical-sources.md").read_text(encoding="utf-8")
    assert len(names) > 50
    assert {name for name in names if f"| `{name}` |" not in page} == set()


def test_every_generator_is_run_by_make_docs() -> None:
    makefile = (DOCS.parent / "Makefile").read_text(encoding="utf-8")
    assert sorted(PAGES) == sorted(path.name for path in DOCS.glob("generate_*.py"))
    assert all(f"docs/{name}" in makefile for name in PAGES)


WRITTEN = sorted({*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md"), DOCS.parent / "data" / "README.md"})
NEW_TYPE = "resting_heart_rate"  # the example of the guide, which is not in the project
GUIDE = DOCS / "adding-a-record-type.md"


@pytest.mark.parametrize("page", WRITTEN, ids=[path.relative_to(DOCS.parent).as_posix() for path in WRITTEN])
def test_every_link_to_a_file_works(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    files = [target for target in targets if not target.startswith("http")]
    assert [target for target in files if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", WRITTEN, ids=[path.relative_to(DOCS.parent).as_posix() for path in WRITTEN])
def test_every_python_file_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", page.read_text(encoding="utf-8"))
    folders = (DOCS.parent, CLINICAL.parent, CLINICAL, DOCS.parent / "health_etl_tests")
    missing = [name for name in named if not any((folder / name).exists() for folder in folders)]
    assert [name for name in missing if NEW_TYPE not in name] == []


def guide_code(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("package", ["record_types", "clinical"])
@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["check", "format"])
def test_the_code_of_the_guide_passes_the_linter(package: str, command: list[str]) -> None:
    code = guide_code("python")[["record_types", "clinical"].index(package)]
    name = f"health_etl/{package}/{NEW_TYPE}.py"
    arguments = [sys.executable, "-m", "ruff", *command, "--stdin-filename", name, "-"]
    done = subprocess.run(arguments, input=code, cwd=DOCS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_code_of_the_guide_makes_a_type_and_its_processor() -> None:
    record_type, processor = ({"__name__": "guide"} for _ in range(2))
    exec(guide_code("python")[0], record_type)  # noqa: S102 - our own page
    exec(guide_code("python")[1], processor)  # noqa: S102
    assert record_type["RECORD_TYPE"].name == processor["PROCESSOR"].record_type == NEW_TYPE
    assert unsourced_numbers(guide_code("python")[1]) == []


def test_the_fixtures_of_the_guide_have_the_fields_of_its_schema() -> None:
    found: dict[str, object] = {}
    exec(guide_code("python")[0], found)  # noqa: S102 - our own page
    fields = {field["name"] for field in found["RECORD_TYPE"].avro_schema["fields"]}
    fixtures = [record for text in guide_code("json") for record in json.loads(text)]
    assert len(fixtures) == 5
    assert all(set(record) == fields for record in fixtures)
