"""Generated pages say what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import health_etl.clinical

CLINICAL = Path(health_etl.clinical.__file__).parent
DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {"generate_data_dictionary.py": "data-dictionary.md", "generate_clinical_sources.py": "clinical-sources.md"}


def generator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), DOCS / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "page"), PAGES.items())
def test_a_generated_page_is_what_the_code_generates(name: str, page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == generator(name).page(), "run `make docs`"


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
