"""ZSSR's learning-rate rule: a line is fitted to the last errors, and the rate falls when the line stops falling."""

from dataclasses import dataclass, field

import numpy as np

__all__ = ["LearningRateRule", "fit_line"]


@dataclass
class LearningRateRule:
    """Divides the learning rate by ten whenever the error has stopped falling; training ends below ``lowest``.

    Shocher et al., CVPR 2018, arXiv:1712.06087, and the constants of its code: every 60 steps, and more than
    256 steps after the last change, a line through the errors of the last 256 steps; the rate falls when
    -1.5 slope < standard deviation of the slope. The deviation is computed with n - 2 degrees of freedom; NumPy before
    1.16, with which the code was run, made it sqrt((n - 2) / (n - 4)) times larger.
    """

    rate: float = 1e-3
    lowest: float = 9e-6
    every: int = 60
    window: int = 256
    patience: int = 256
    ratio: float = 1.5
    divisor: float = 10.0
    _errors: list[tuple[int, float]] = field(default_factory=list, repr=False)
    _changed: int = field(default=0, repr=False)

    def record(self, step: int, error: float) -> None:
        """Record the error, in any unit, after ``step`` steps."""
        self._errors.append((step, error))

    def update(self, step: int) -> float:
        """Return the learning rate to use after ``step`` steps."""
        if step % self.every == 0 and step - self._changed > self.patience:
            recent = [(at, error) for at, error in self._errors if step - self.window <= at <= step]
            if len(recent) > 2:
                slope, deviation = fit_line([at for at, _ in recent], [error for _, error in recent])
                if -self.ratio * slope < deviation:
                    self.rate /= self.divisor
                    self._changed = step
        return self.rate

    @property
    def finished(self) -> bool:
        """True when the rate has fallen below ``lowest``."""
        return self.rate < self.lowest


def fit_line(x: list[int], y: list[float]) -> tuple[float, float]:
    """Fit a least-squares line to at least three points; return its slope and the slope's standard deviation."""
    centred = np.asarray(x, dtype=np.float64) - np.mean(x)
    values = np.asarray(y, dtype=np.float64)
    spread = float(centred @ centred)
    slope = float(centred @ values) / spread
    residuals = values - values.mean() - slope * centred
    return slope, float(np.sqrt(residuals @ residuals / (len(values) - 2) / spread))
