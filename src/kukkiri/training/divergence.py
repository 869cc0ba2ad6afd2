"""A run that diverges ends at the step where it does."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from kukkiri.errors import TrainingError
from kukkiri.training.finite import REMEDY, describe_gradients
from kukkiri.training.log import Meter
from kukkiri.training.state import TrainingState

__all__ = ["Watch"]

_FLOAT16_SKIPS = 20  # in a row: the scale of the loss is halved at each, from 65,536 down


class Watch:
    """Reads the loss and the gradient of every update, and raises where they are not finite.

    On a GPU the reading of an update waits for it, so it is done one update later, while the next one computes; what is
    saved or validated is read first.
    """

    def __init__(
        self,
        *,
        lag: int,
        tolerated: int,
        float16: bool = False,
        check: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
    ) -> None:
        """Begin to watch.

        Args:
            lag: updates that may be unread; 0 where updates may be left out.
            tolerated: updates in a row that may be left out because they are not finite.
            float16: gradients overflow until the scale of the loss is found, so that some are left out anyway.
            check: of the setup, called with the step and the values of every update that are finite.
        """
        self._check = check
        self._tolerated = max(tolerated, _FLOAT16_SKIPS if float16 else 0)
        self._lag = 0 if self._tolerated else lag
        self._unread: list[tuple[int, Mapping[str, Tensor]]] = []

    def accepts(self, state: TrainingState, values: Mapping[str, Tensor], meter: Meter) -> bool:
        """Return True when the update is to be made.

        Args:
            state: before the update.
            values: the loss, its terms and the norm of the gradient, scalars on the device.
            meter: counts the updates.

        Raises:
            TrainingError: a value is not finite, here or in the update before (on a GPU), and no more updates may be
                left out; the message names the step and the largest gradient.
        """
        self._unread.append((state.step, values))
        return self.read(state, meter)

    def read(self, state: TrainingState, meter: Meter, *, all_of_them: bool = False) -> bool:
        """Read the values that are due, and count them; return False when the last of them is not finite.

        Raises:
            TrainingError: as of :meth:`accepts`.
        """
        accepted = True
        while len(self._unread) > (0 if all_of_them else self._lag):
            step, values = self._unread.pop(0)
            floats = dict(zip(values, torch.stack([value.float() for value in values.values()]).tolist(), strict=True))
            broken = next((name for name, value in floats.items() if not math.isfinite(value)), None)
            accepted = broken is None
            state.skipped = 0 if accepted else state.skipped + 1
            meter.count(floats if accepted else None)
            if broken is not None and state.skipped > self._tolerated:
                again = f", for the {state.skipped}th step in a row" if state.skipped > 1 else ""
                raise TrainingError(
                    f"training diverged at step {step + 1}: the {broken.replace('_', ' ')} is {floats[broken]}{again}; "
                    f"{describe_gradients(state.modules)}. Nothing of this step is written. {REMEDY}"
                )
            if accepted:
                self._check(step, floats)
        return accepted
