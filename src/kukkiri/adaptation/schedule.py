"""ZSSR's learning rate: a line is fitted to the last errors, and the rate falls when the line no longer does."""

from dataclasses import dataclass, field

import numpy as np

__all__ = ["LearningRateRule", "fit_line"]


@dataclass
class LearningRateRule:
    """Ten times less as soon as the error has stopped falling; fitting ends below ``lowest``.

    Shocher et al., CVPR 2018, arXiv:1712.06087, and the constants of its code: every 60 steps, and more than
    256 steps after the last change, a line through the errors of the last 256 steps; the rate falls when
    -1.5 slope < standard deviation of the slope. That deviation is the textbook's, with n - 2 degrees of
    freedom; NumPy before 1.16, with which the code was run, made it sqrt((n - 2) / (n - 4)) times larger.
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
        """Note the error (any unit) after so many steps."""
        self._errors.append((step, error))

    def update(self, step: int) -> float:
        """The learning rate to use after so many steps."""
        if step % self.every == 0 and step - self._changed > self.patience:
            recent = [one for one in self._errors if step - self.window <= one[0] <= step]
            if len(recent) > 2:
                slope, deviation = fit_line([one[0] for one in recent], [one[1] for one in recent])
                if -self.ratio * slope < deviation:
                    self.rate /= self.divisor
                    self._changed = step
        return self.rate

    @property
    def finished(self) -> bool:
        """Whether the rate has become too small to change anything."""
        return self.rate < self.lowest


def fit_line(x: list[int], y: list[float]) -> tuple[float, float]:
    """Slope of the least-squares line through three points or more, and the slope's standard deviation."""
    centred = np.asarray(x, dtype=np.float64) - np.mean(x)
    values = np.asarray(y, dtype=np.float64)
    spread = float(centred @ centred)
    slope = float(centred @ values) / spread
    left = values - values.mean() - slope * centred
    return slope, float(np.sqrt(left @ left / (len(values) - 2) / spread))
