"""Validation in the loop: every average of the weights is scored, and the best one so far is written."""

import dataclasses

from kukkiri.training.finite import check_weights
from kukkiri.training.log import TrainingProgress
from kukkiri.training.run_folder import RunFolder
from kukkiri.training.setup import Setup
from kukkiri.training.state import TrainingState

__all__ = ["validate"]


def validate(setup: Setup, state: TrainingState, line: TrainingProgress, *, folder: RunFolder) -> TrainingProgress:
    """Score the averaged weights, and write those that are the best so far, or the last where nothing is scored.

    Args:
        setup: of the run.
        state: its averages are scored, and its best score is raised.
        line: of the log.
        folder: of the run.

    Returns:
        The line with the scores.

    Raises:
        TrainingError: a weight is not finite; nothing is written.
    """
    check_weights(state.modules, step=state.step)
    scored = [(ema, setup.validate(average)) for ema, average in state.averages.items()]
    ema, best = max(scored, key=lambda pair: -1.0 if pair[1].psnr is None else pair[1].psnr)
    if setup.writes_last or best.psnr is None or best.psnr > state.best or not folder.weights.exists():
        best.write(folder.weights)
        state.best = state.best if best.psnr is None else max(state.best, best.psnr)
    return dataclasses.replace(
        line,
        psnr=best.psnr,
        curve=best.curve,
        scores=dict(best.scores),
        ema=ema if len(scored) > 1 else None,
    )
