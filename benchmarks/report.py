"""Results for people: the table of a run, and the generated parts of docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.results import EXPONENT, TARGETS, Curve, Figure, Results, Size, Target
from benchmarks.sizing import NEEDED, sizing

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
PEOPLE_A_DAY = (10_000, 100_000, 1_000_000)
NOT_MEASURED = "Not measured yet: `make bench`."
LARGEST_PARTS = 5  # of a profile, in the table
FORGIVEN = 2.0  # times the kept ratio, above which something has become slower


def table(results: Results, kept: Results, size: Size) -> Table:
    """Return the table of what was measured, beside the ratios that are kept."""
    shown = Table("what", "ratio", "kept", "against", "measured", "baseline", "bar", "goal")
    for key, figure in results.figures.items():
        before = kept.figures.get(key)
        target = TARGETS.get(key) if size == "full" else None  # small sizes say little about the targets
        shown.add_row(
            figure.what,
            f"{figure.ratio:.2f}",
            f"{before.ratio:.2f}" if before else "–",
            figure.against,
            *(_amount(value, figure.unit) for value in (figure.measured, figure.baseline)),
            *_bars(target, figure),
        )
    for key, curve in results.curves.items():
        old = kept.curves.get(key)
        shown.add_row(
            f"{curve.what}: cost exponent",
            f"{curve.exponent:.2f}",
            f"{old.exponent:.2f}" if old else "–",
            f"{curve.points[0][0]:,.0f} to {curve.points[-1][0]:,.0f} {curve.size_unit}",
            _amount(curve.points[-1][1], "s"),
            _amount(curve.points[0][1], "s"),
            *((f"≤ {EXPONENT.bar}", f"≤ {EXPONENT.goal}") if size == "full" else ("", "")),
        )
    for shares in results.shares.values():
        parts = sorted(shares.seconds, key=shares.percent, reverse=True)[:LARGEST_PARTS]
        largest = ", ".join(f"{part.strip('`')} {shares.percent(part):.0f} %" for part in parts)
        shown.add_row(f"{shares.what}: where time goes", "", "", largest)
    return shown


def slower(results: Results, kept: Results) -> list[str]:
    """Return a sentence for every figure whose ratio is more than twice the kept one, where one is kept."""
    return [
        f"{figure.what}: {figure.ratio:.2f} times {figure.against}, and it was {kept.figures[key].ratio:.2f}"
        for key, figure in results.figures.items()
        if key in kept.figures and figure.ratio > FORGIVEN * kept.figures[key].ratio
    ]


def page(text: str, kept: Mapping[Size, Results]) -> str:
    """Return docs/performance.md with its generated parts replaced; raises ValueError if one has no place."""
    full = kept["full"]
    parts = {"figures": _figures(full), "curves": _curves(full), "shares": _shares(full), "sizing": _sizing(full)}
    for name, part in parts.items():
        begin, end = f"<!-- {name}: written by `make bench` -->", f"<!-- end of {name} -->"
        before, began, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not (began and ended):
            raise ValueError(f"the page has no place for {name} between {begin} and {end}")
        text = f"{before}{begin}\n\n{part}\n\n{end}{after}"
    return text


def _figures(results: Results) -> str:
    rows = [
        (
            figure.what,
            f"**{figure.ratio:.2f}**",
            figure.against,
            *(_amount(value, figure.unit) for value in (figure.measured, figure.baseline)),
            *_bars(TARGETS.get(key), figure),
        )
        for key, figure in results.figures.items()
    ]
    return _markdown(("what", "ratio", "against", "measured", "baseline", "bar", "goal"), rows)


def _curves(results: Results) -> str:
    rows = [(curve.what, f"**{curve.exponent:.2f}**", _points(curve)) for curve in results.curves.values()]
    return _markdown(("what", "exponent", "seconds by size"), rows)


def _shares(results: Results) -> str:
    kinds = list(results.shares.values())
    parts = {part for shares in kinds for part in shares.seconds}
    dearest = sorted(parts, key=lambda part: (-max(shares.percent(part) for shares in kinds), part))
    rows = [(part, *(f"{shares.percent(part):.0f} %" for shares in kinds)) for part in dearest]
    return _markdown(("where", *(shares.what for shares in kinds)), rows)


def _sizing(results: Results) -> str:
    if any(key not in results.figures for key in NEEDED):
        return NOT_MEASURED
    rows = [
        (
            f"{found.people_a_day:,}",
            f"{found.cores_together:,}",
            f"{found.cores_apart:,}",
            f"{found.memory_gb:,.1f} GB",
            f"{found.storage_tb_a_year:,.1f} TB",
        )
        for found in (sizing(people, results) for people in PEOPLE_A_DAY)
    ]
    heads = ("people a day", "cores, one run a day", "cores, a run a minute", "memory", "storage a year")
    return _markdown(heads, rows)


def _points(curve: Curve) -> str:
    return ", ".join(f"{size:,.0f} {curve.size_unit}: {cost:,.1f} s" for size, cost in curve.points)


def _markdown(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return NOT_MEASURED
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bars(target: Target | None, figure: Figure) -> tuple[str, str]:
    if target is None:
        return "", ""
    unit = "×" if target.of == "ratio" else figure.unit
    met = "✓" if target.value(figure) <= target.bar else "✗"
    reached = "✓" if target.value(figure) <= target.goal else "✗"
    return f"≤ {target.bar:.3g} {unit} {met}", f"≤ {target.goal:.3g} {unit} {reached}"


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:,.2f} {unit}"
