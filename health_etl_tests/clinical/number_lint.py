"""Finds numbers in clinical code that have no source. What may stand where is said at `unsourced_numbers`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PLAIN = (0, 1, 2)  # counts, signs, halves: no clinical knowledge
CALLS = {"sourced": 4, "definition": 2}  # arguments that each must have
CITATION_SUFFIX = "_SOURCE"

# A digit that is glued to a letter or an underscore belongs to a name: HbA1c, int64, level1_count.
_IN_TEXT = re.compile(r"(?<![A-Za-z0-9_])\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Finding:
    """One number without a source, or one source that says too little."""

    line: int
    what: str


def unsourced_numbers(code: str) -> list[Finding]:
    """Return what breaks the rules, in order of lines.

    A number other than 0, 1 and 2 stands in the value of `NAME = sourced(value, unit, population, source)` or of
    `NAME = definition(value, what)` at module level, written or in a text. Free are `decimals=` of a metric, slices,
    format specifications, docstrings, and citations: module-level texts whose name ends in _SOURCE, or that are private
    and used in those calls alone.
    """
    tree = ast.parse(code)
    free = set(_free(tree))
    findings = [*_unclear_sources(tree)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in free:
            findings += _of_constant(node)
        elif _called(node) and id(node) not in free:
            findings.append(Finding(node.lineno, f"{_called(node)}(…) gives no constant of its own its value"))
    return sorted(findings, key=lambda finding: (finding.line, finding.what))


def message(path: Path, findings: list[Finding]) -> str:
    """Write findings as file:line: what, one a line."""
    return "\n".join(f"{path}:{finding.line}: {finding.what}" for finding in findings)


def _of_constant(node: ast.Constant) -> Iterator[Finding]:
    value = node.value
    if isinstance(value, (int, float, complex)) and not isinstance(value, bool):
        if value not in PLAIN:
            yield Finding(node.lineno, f"{value!r} has no source: make it a constant by sourced(…) or definition(…)")
    elif isinstance(value, str):
        for number in _IN_TEXT.findall(value):
            if not (number.isdigit() and int(number) in PLAIN):
                yield Finding(node.lineno, f'"{number}" stands in a text: write it as a constant, f"{{NAME}}"')


def _free(tree: ast.Module) -> Iterator[int]:
    """Yield the identity of every node whose numbers are free or have their source."""
    cited = _cited_alone(tree)
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None and _name(statement):
            if _called(statement.value):
                yield from _all(statement.value)
            if _name(statement).endswith(CITATION_SUFFIX) or _name(statement) in cited:
                yield from (id(node) for node in ast.walk(statement.value) if _is_text(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Slice):
            yield from _all(node)
        elif _is_docstring(node) or _is_decimals(node):
            yield id(node.value)  # type: ignore[attr-defined]
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            yield from (id(part) for part in ast.iter_child_nodes(node.format_spec) if _is_text(part))


def _cited_alone(tree: ast.Module) -> set[str]:
    """Return the private names that are read inside calls of sourced(…) and definition(…) and nowhere else."""
    inside = {inner for call in ast.walk(tree) if _called(call) for inner in ast.walk(call)}
    loaded = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    elsewhere = {node.id for node in loaded if node not in inside}
    return {node.id for node in loaded if node in inside and node.id.startswith("_")} - elsewhere


def _unclear_sources(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        name = _called(node)
        if name and isinstance(node, ast.Call):
            texts = node.args[1:]
            if node.keywords or len(node.args) != CALLS[name]:
                yield Finding(node.lineno, f"{name}(…) takes {CALLS[name]} arguments by position")
            elif any(_is_text(text) and not text.value.strip() for text in texts):  # type: ignore[attr-defined]
                yield Finding(node.lineno, f"{name}(…) leaves a text empty")
            elif _is_text(texts[-1]) and texts[-1].value.rstrip(": ") == "ASSUMPTION":  # type: ignore[attr-defined]
                yield Finding(node.lineno, "an ASSUMPTION without its reason")


def _called(node: ast.AST) -> str:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS
    return node.func.id if is_call else ""  # type: ignore[attr-defined,no-any-return]


def _name(statement: ast.Assign | ast.AnnAssign) -> str:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and _is_text(node.value)


def _is_decimals(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg == "decimals"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _all(node: ast.AST) -> Iterator[int]:
    return (id(inner) for inner in ast.walk(node))
