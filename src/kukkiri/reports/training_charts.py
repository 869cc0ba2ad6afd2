"""The charts of a training run, for the page and for the image file alike."""

import math
from dataclasses import dataclass

from kukkiri.reports.charts import Mark
from kukkiri.reports.curves import Curve, thin
from kukkiri.reports.run_history import Points, RunHistory

__all__ = ["Chart", "build_charts"]

_MOST = 400  # points of a curve: more than a chart has pixels for
_SERIES = 8  # colours


@dataclass(frozen=True)
class Chart:
    """One chart over the steps of a run."""

    title: str
    unit: str
    """Title of the vertical axis; empty where the chart's title says it."""
    curves: tuple[Curve, ...]
    logarithmic: bool = False
    from_zero: bool = False
    """The vertical axis has the value 0."""
    marks: tuple[Mark, ...] = ()
    caption: str = ""


def build_charts(run: RunHistory) -> list[Chart]:
    """Choose the charts of a run: those that it has values for.

    Args:
        run: as read from its folder.
    """
    found = [
        _loss_chart(run),
        _psnr_chart(run),
        _chart("Learning rate", "", run.values("learning_rate")),
        _chart("Gradient norm before clipping", "", run.values("gradient_norm"), logarithmic=True),
        _chart("Patches per second", "", run.values("patches_per_second")),
        _chart("Time for data", "% of the time", [(x, 100 * y) for x, y in run.values("data_share")]),
    ]
    return [chart for chart in found if any(_drawable(curve, chart) for curve in chart.curves)]


def _chart(title: str, unit: str, points: Points, *, logarithmic: bool = False) -> Chart:
    curve = Curve(title, thin(points, most=_MOST), 1)
    return Chart(title, unit, (curve,), logarithmic=logarithmic, from_zero=not logarithmic)


def _loss_chart(run: RunHistory) -> Chart:
    losses = {"loss": run.values("loss"), **run.members("losses")}
    curves = _curves(losses)
    notes = []
    if len(curves) > 1:
        notes.append("The terms are without their weights.")
    if len(losses["loss"]) > _MOST:
        notes.append(f"Each point is the mean of {math.ceil(len(losses['loss']) / _MOST)} lines of the log.")
    if any(value <= 0 for points in losses.values() for _, value in points):
        notes.append("Values of 0 and below are not shown.")
    return Chart("Loss", "", curves, logarithmic=True, caption=" ".join(notes))


def _psnr_chart(run: RunHistory) -> Chart:
    best = run.best
    marks: tuple[Mark, ...] = ()
    if best is not None:
        text = f"{best['psnr']:.3f} dB at step {best['step']:,}"
        marks = (Mark(text, float(best["step"]), float(best["psnr"]), 1),)
    steps = run.steps_of_adaptation()
    if steps:
        chosen = [round(number * (len(steps) - 1) / (_SERIES - 2)) for number in range(_SERIES - 1)]
        named = {_adaptation_label(at): steps[at] for at in dict.fromkeys(reversed(chosen))}
        caption = "Mean over the images, before and after steps of adaptation. The mark is the best validation."
        return Chart("PSNR (dB)", "", _curves(named), marks=marks, caption=caption)
    sets = run.members("scores")
    psnr = {"all sets" if sets else "PSNR": run.values("psnr"), **sets}
    caption = "Of the averaged weights. The mark is the best validation, whose weights are kept."
    if sets:
        caption = f"{caption} All sets: the weighted mean that chooses them."
    return Chart("PSNR (dB)", "", _curves(psnr), marks=marks, caption=caption)


def _adaptation_label(steps: int) -> str:
    return "before" if not steps else "after 1 step" if steps == 1 else f"after {steps} steps"


def _curves(named: dict[str, Points]) -> tuple[Curve, ...]:
    """Give every name its colour; names beyond the last colour share it with an earlier one."""
    return tuple(
        Curve(name, thin(points, most=_MOST), 1 + number % (_SERIES - 1))
        for number, (name, points) in enumerate(named.items())
        if points
    )


def _drawable(curve: Curve, chart: Chart) -> bool:
    least = 0.0 if chart.logarithmic else -math.inf
    return any(math.isfinite(value) and value > least for _, value in curve.points)
