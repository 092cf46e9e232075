"""The picture of the results: ratios beside their targets, and cost by size."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from benchmarks.results import TARGETS, Results

PLOT = Path(__file__).resolve().parents[1] / "docs" / "images" / "performance.png"
MEASURED, BAR, GOAL = "#2b6cb0", "#c05621", "#2f855a"
INCHES = (13, 6)


def draw(results: Results, path: Path) -> None:
    """Write the picture as PNG; the same results give the same picture."""
    picture = Picture(figsize=INCHES, layout="constrained")
    ratios, costs = picture.subplots(1, 2)
    _draw_ratios(ratios, results)
    _draw_curves(costs, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, dpi=100, metadata={"Software": None})


def _draw_ratios(axes: Axes, results: Results) -> None:
    figures = list(results.figures.values())[::-1]
    axes.barh([figure.what for figure in figures], [figure.ratio for figure in figures], color=MEASURED)
    for place, figure in enumerate(figures):
        axes.annotate(f" {figure.ratio:.2f}", (figure.ratio, place), va="center", fontsize=8)
        if (target := TARGETS.get(figure.key)) and target.of == "ratio":
            axes.plot([target.bar] * 2, [place - 0.4, place + 0.4], color=BAR)
            axes.plot([target.goal] * 2, [place - 0.4, place + 0.4], color=GOAL)
    axes.set_xscale("log")
    axes.tick_params(labelsize=8)
    axes.set_title("times the baseline (orange: first bar, green: goal)", fontsize=10)


def _draw_curves(axes: Axes, results: Results) -> None:
    for curve in results.curves.values():
        sizes, costs = zip(*curve.points, strict=True)
        axes.plot(sizes, costs, marker="o", label=f"{curve.what} ({curve.size_unit}): {curve.exponent:.2f}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylabel("processor seconds above those of a single upload")
    axes.set_title("cost by size, and its exponent", fontsize=10)
    if results.curves:
        axes.legend(fontsize=8)
