"""Generates docs/clinical-sources.md from the clinical code (`make docs`). A test fails when it is out of date."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import health_etl.clinical

PAGE = Path(__file__).with_name("clinical-sources.md")
CLINICAL = Path(health_etl.clinical.__file__).parent
NO_NUMBERS = ("__init__", "sources")

HEAD = """# Clinical sources

Where every number of the clinical texts comes from. Generated from `health_etl/clinical/` by `make docs`; do not edit.

- **Numbers with a source** are thresholds, targets and constants in formulas, with their unit, the population they
  apply to, and the publication. A source that begins with ASSUMPTION is a choice made by this project, with its reason.
- **Numbers by definition** are unit conversions, grid sizes and the like; they need no evidence.
- **What is reported** lists the figures for a person's day. A figure is left out when there is too little data for it.
- **How it is computed** is the docstring of each function that computes a figure.

A test fails for any number in the clinical code that is missing from these tables. Found a mistake? The name in the
first column is the name in the code, so a correction is one line.
"""

# A docstring with one of these words documents a figure and the source of its formula.
_ORIGIN = re.compile(r"\b(source|formula|doi|assumption)\b", re.IGNORECASE)
_DOI = re.compile(r"\bdoi:(10\.\d+/(?:[^\s,;()]|\([^\s()]*\))+?)(?=[.,:;)]*(?:\s|$))")
_LABEL = re.compile(
    r"^(Formula|Unit|Units|Population|Source|Sources|Minimal coverage|Coverage|Method)\s*:", re.IGNORECASE
)


def page() -> str:
    """Return the whole page."""
    found = {path: _of_file(path) for path in sorted(CLINICAL.rglob("*.py")) if path.stem not in NO_NUMBERS}
    filled = {path: sections for path, sections in found.items() if sections}
    contents = " · ".join(f"[{_title(path)}](#{_anchor(path)})" for path in filled)
    return "\n".join([HEAD, f"{contents}\n", *(part for sections in filled.values() for part in sections)])


def _title(path: Path) -> str:
    """Return the package's name, followed by the module's unless it is the processor itself."""
    parts = path.relative_to(CLINICAL).with_suffix("").parts
    names = parts[:-1] if path.stem == "processor" else parts
    return ": ".join(name.replace("_", " ") for name in names).capitalize()


def _anchor(path: Path) -> str:
    return _title(path).lower().replace(":", "").replace(" ", "-")


def _of_file(path: Path) -> list[str]:
    relative = path.relative_to(CLINICAL)
    module = importlib.import_module(".".join([health_etl.clinical.__name__, *relative.with_suffix("").parts]))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    sections = [*_numbers(module, tree), *_reported(module), *_computed(tree)]
    if not sections:
        return []
    about = inspect.getdoc(module) or ""
    return [f"## {_title(path)}\n", f"`{relative.as_posix()}`: {_linked(about)}\n", *sections]


def _numbers(module: ModuleType, tree: ast.Module) -> Iterator[str]:
    calls = list(_calls(tree))
    sourced = [
        [f"`{name}`", _written(getattr(module, name)), *(_linked(_text(module, text)) for text in call.args[1:])]
        for name, function, call in calls
        if function == "sourced"
    ]
    if sourced:
        yield "**Numbers with a source**\n\n" + _table(("name", "value", "unit", "population", "source"), sourced)
    defined = [
        [f"`{name}`", _written(getattr(module, name)), _text(module, call.args[1])]
        for name, function, call in calls
        if function == "definition"
    ]
    if defined:
        yield "**Numbers by definition**\n\n" + _table(("name", "value", "meaning"), defined)


def _reported(module: ModuleType) -> Iterator[str]:
    processor = getattr(module, "PROCESSOR", None)
    if processor is None:
        return
    reported = [metric for metric in processor.all_metrics if metric.reported]
    rows = [[metric.label, metric.unit or "", metric.description, f"`{metric.name}`"] for metric in reported]
    yield "**What is reported**\n\n" + _table(("figure", "unit", "meaning", "name"), rows)
    if processor.guidelines:
        yield "What the texts refer to:\n\n" + "".join(f"- {line}\n" for line in processor.guidelines)


def _computed(tree: ast.Module) -> Iterator[str]:
    functions = [
        (node.name, ast.get_docstring(node))
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    documented = [(name, text) for name, text in functions if text and _ORIGIN.search(text)]
    if documented:
        yield "**How it is computed**\n\n" + "".join(
            f"- `{name}`: {_linked(_prose(text))}\n" for name, text in documented
        )


def _calls(tree: ast.Module) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield name, function and call of every constant defined with sourced(…) or definition(…)."""
    for statement in tree.body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        call = statement.value
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and isinstance(target, ast.Name)):
            continue
        if call.func.id in ("sourced", "definition"):
            yield target.id, call.func.id, call


def _text(module: ModuleType, node: ast.expr) -> str:
    """Return the text of an argument: a literal, a constant, or a concatenation of them."""
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.Name(id=name):
            return str(getattr(module, name))
        case ast.JoinedStr(values=parts):
            return "".join(_text(module, part) for part in parts)
        case ast.FormattedValue(value=value, format_spec=None):
            return _text(module, value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(module, left) + _text(module, right)
    raise ValueError(f"{module.__name__}:{node.lineno}: write the text as a literal or a constant")


def _linked(text: str) -> str:
    return _DOI.sub(lambda found: f"[{found[0]}](https://doi.org/{quote(found[1])})", text)


def _written(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_written(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_written, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _prose(docstring: str) -> str:
    """Return a docstring as one list item: paragraphs and labelled lines on lines of their own, code marks kept."""
    lines: list[str] = []
    for line in docstring.splitlines():
        starts = not line.strip() or not lines or _LABEL.match(line.strip())
        if starts:
            lines.append(line.strip())
        else:
            lines[-1] = f"{lines[-1]} {line.strip()}".strip()
    return "  \n  ".join(line for line in lines if line)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
