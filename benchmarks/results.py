"""What a benchmark found, what it should be, and how both are kept in `ratios.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.measure import exponent

RATIOS = Path(__file__).with_name("ratios.json")

Size = Literal["full", "quick"]
Unit = Literal["s", "MB"]


@dataclass(frozen=True)
class Figure:
    """A measured amount beside that of a baseline from the same rounds, in the same unit.

    `facts` are amounts that sizing needs: counts, megabytes.
    """

    key: str
    what: str
    against: str
    measured: float
    baseline: float
    unit: Unit = "s"
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times the baseline."""
        return self.measured / self.baseline


@dataclass(frozen=True)
class Curve:
    """Processor seconds by size, above those that a run takes for a single upload."""

    key: str
    what: str
    size_unit: str
    points: tuple[tuple[float, float], ...]

    @property
    def exponent(self) -> float:
        """The power of size that cost grows with: 1 where double the data cost double."""
        return exponent(self.points)


@dataclass(frozen=True)
class Shares:
    """Where processor seconds went, by part of the pipeline."""

    key: str
    what: str
    seconds: Mapping[str, float]

    def percent(self, part: str) -> float:
        """Return the share of a part; 0 for a part that took nothing."""
        return 100 * self.seconds.get(part, 0.0) / sum(self.seconds.values())


Item = Figure | Curve | Shares


@dataclass(frozen=True)
class Results:
    """What was measured, by kind and key, in the order in which it was."""

    figures: Mapping[str, Figure] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    shares: Mapping[str, Shares] = field(default_factory=dict)

    @classmethod
    def of(cls, *found: Item) -> Results:
        """Return results that hold these."""
        return cls(
            {item.key: item for item in found if isinstance(item, Figure)},
            {item.key: item for item in found if isinstance(item, Curve)},
            {item.key: item for item in found if isinstance(item, Shares)},
        )

    def updated(self, newer: Results) -> Results:
        """Return these with the newer ones in place of those with the same keys."""
        return Results(
            {**self.figures, **newer.figures}, {**self.curves, **newer.curves}, {**self.shares, **newer.shares}
        )


@dataclass(frozen=True)
class Target:
    """What a figure should be at most: a first bar and a goal, for its ratio or for what was measured."""

    bar: float
    goal: float
    of: Literal["ratio", "measured"] = "ratio"

    def value(self, figure: Figure) -> float:
        """Return the value that is held against the bars."""
        return figure.ratio if self.of == "ratio" else figure.measured


TARGETS: Mapping[str, Target] = {
    "bulk": Target(2, 1),
    "bulk_peak": Target(450, 300, "measured"),
    "memory": Target(1.2, 1.05),
    "mixed": Target(8, 4),
    "unchanged": Target(2.5, 1.5),
    "new_file": Target(1.5, 0.3, "measured"),
    "late_file": Target(2, 0.5, "measured"),
    "new_file_at_100": Target(1.3, 1.05),
    "new_file_at_1000": Target(1.3, 1.05),
    "late_file_at_100": Target(1.3, 1.05),
    "late_file_at_1000": Target(1.3, 1.05),
    "tiny": Target(20, 8, "measured"),
    "s3_records": Target(1 / 3, 1 / 6),
    "s3": Target(1.5, 1),
}
EXPONENT = Target(1.1, 1.0)


def load(path: Path = RATIOS) -> dict[Size, Results]:
    """Return what is kept for each size; nothing where the file does not exist."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {size: _from_json(kept.get(size, {})) for size in ("full", "quick")}


def save(kept: Mapping[Size, Results], path: Path = RATIOS) -> None:
    """Write what is kept, in an order that makes differences readable."""
    text = json.dumps({size: _to_json(results) for size, results in kept.items()}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _to_json(results: Results) -> dict[str, Any]:
    figures = {key: {**asdict(figure), "ratio": figure.ratio} for key, figure in sorted(results.figures.items())}
    curves = {key: {**asdict(curve), "exponent": curve.exponent} for key, curve in sorted(results.curves.items())}
    shares = {key: asdict(each) for key, each in sorted(results.shares.items())}
    return {"figures": _rounded(figures), "curves": _rounded(curves), "shares": _rounded(shares)}


def _from_json(kept: Mapping[str, Any]) -> Results:
    figures = [
        Figure(**{name: value for name, value in each.items() if name != "ratio"}) for each in _all(kept, "figures")
    ]
    curves = [
        Curve(each["key"], each["what"], each["size_unit"], tuple((size, cost) for size, cost in each["points"]))
        for each in _all(kept, "curves")
    ]
    return Results.of(*figures, *curves, *(Shares(**each) for each in _all(kept, "shares")))


def _all(kept: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
    return list(kept.get(what, {}).values())


def _rounded(value: Any) -> Any:
    """Round every number to four significant digits: the rest is noise that would fill the differences."""
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
