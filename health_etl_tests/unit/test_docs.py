"""Generated pages say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_data_dictionary_is_what_the_code_generates() -> None:
    spec = importlib.util.spec_from_file_location("dictionary", DOCS / "generate_data_dictionary.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "data-dictionary.md").read_text(encoding="utf-8") == module.page(), "run `make docs`"
