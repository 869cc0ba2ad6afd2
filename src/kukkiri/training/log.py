"""The log of a run: one line of JSON every so many steps, the same for TensorBoard, and a report to the caller."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kukkiri.errors import require
from kukkiri.training.recipe import Recipe

__all__ = ["Meter", "RunLog", "TrainingProgress"]


@dataclass(frozen=True)
class TrainingProgress:
    """One line of the log of a training run."""

    step: int
    """Updates done."""
    steps: int
    """Updates of the whole run."""
    loss: float
    """Mean since the last line; NaN, and null in the log, when every update was left out."""
    learning_rate: float
    patches_per_second: float
    """Of all processes together."""
    seconds_left: float
    psnr: float | None = None
    """Of the averaged weights on the validation sets, in dB; None on lines without a validation."""
    data_share: float = 0.0
    """Fraction of the time since the last line that was spent on sampling patches."""
    curve: tuple[float, ...] = ()
    """In meta-training: that PSNR before and after each step of adaptation."""
    losses: dict[str, float] = field(default_factory=dict)
    """The terms of a loss of several, without their weights; means over the updates since the last line in which each
    was active."""
    gradient_norm: float = 0.0
    """Before clipping; mean since the last line."""
    skipped: int = 0
    """Updates since the last line that were left out because of a value that was not finite."""
    scores: dict[str, float] = field(default_factory=dict)
    """PSNR in dB by validation set, when there are several."""
    ema: float | None = None
    """Decay of the average that scored best, when there are several."""


class Meter:
    """Sums of what happened since the last line of the log."""

    def __init__(self) -> None:
        """Begin to count."""
        self.reset()

    def reset(self) -> None:
        """Begin again, after a line was written."""
        self.patches = 0
        self._updates, self._skipped, self._sampling = 0, 0, 0.0
        self._values: dict[str, list[float]] = {}
        self._since = time.perf_counter()

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Count the time of the block as spent on sampling patches."""
        begun = time.perf_counter()
        yield
        self._sampling += time.perf_counter() - begun

    def count(self, values: Mapping[str, float] | None) -> None:
        """Count an update with its loss, terms and gradient norm; None: it was left out."""
        if values is None:
            self._skipped += 1
            return
        self._updates += 1
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)

    def line(self, recipe: Recipe, step: int, *, rate: float) -> TrainingProgress:
        """Return the line of the log after ``step`` updates, without a validation."""
        elapsed = time.perf_counter() - self._since
        means = {name: sum(values) / len(values) for name, values in self._values.items()}
        return TrainingProgress(
            step=step,
            steps=recipe.steps,
            loss=means.pop("loss", float("nan")),
            gradient_norm=means.pop("gradient_norm", float("nan")),
            losses=means,
            learning_rate=rate,
            patches_per_second=self.patches / elapsed,
            seconds_left=(recipe.steps - step) * elapsed / max(self._updates + self._skipped, 1),
            data_share=self._sampling / elapsed,
            skipped=self._skipped,
        )


class RunLog:
    """Writes lines to ``log.jsonl``, to TensorBoard where asked for, and to the caller."""

    def __init__(self, path: Path, *, tensorboard: bool, report: Callable[[TrainingProgress], None] | None) -> None:
        """Open the log.

        Args:
            path: of ``log.jsonl``; TensorBoard's files go beside it.
            tensorboard: write them.
            report: called with every line.

        Raises:
            BackendError: TensorBoard is not installed.
        """
        self._path, self._report = path, report
        self._board: Any = None
        if tensorboard:
            require("tensorboard", for_what="tensorboard = true")
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(path.parent / "tensorboard")

    def write(self, line: TrainingProgress) -> None:
        """Append a line; it is on the disk, or with the operating system, when this returns."""
        with self._path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(_without_nan(asdict(line)), allow_nan=False) + "\n")
        if self._board is not None:
            for name, value in _scalars(line).items():
                self._board.add_scalar(name, value, line.step)
            self._board.flush()
        if self._report is not None:
            self._report(line)

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._board is not None:
            self._board.close()


def _without_nan(values: Any) -> Any:
    """Replace numbers that JSON does not have by null."""
    if isinstance(values, dict):
        return {key: _without_nan(value) for key, value in values.items()}
    return None if isinstance(values, float) and not math.isfinite(values) else values


def _scalars(line: TrainingProgress) -> dict[str, float]:
    """Return what TensorBoard draws, by the name of its chart."""
    found = {
        "loss": line.loss,
        "learning_rate": line.learning_rate,
        "gradient_norm": line.gradient_norm,
        "patches_per_second": line.patches_per_second,
        **{f"losses/{name}": value for name, value in line.losses.items()},
        **{f"psnr/{name}": value for name, value in line.scores.items()},
    }
    return found if line.psnr is None else {**found, "psnr": line.psnr}
