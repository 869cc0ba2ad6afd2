"""``kukkiri train``: a recipe in, weights out."""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.printing import TerminalBar, print_progress, print_result
from kukkiri.errors import BackendError

__all__ = ["train_command"]


def train_command(
    recipe: Path,
    *overrides: str,
    resume: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train a network from a TOML recipe. Needs the torch extra.

    Args:
        recipe: TOML file; see recipes/.
        overrides: key=value texts laid over the recipe, such as steps=2000 data=my/images.
        resume: go on from the last checkpoint, bit-exactly.
    """
    if importlib.util.find_spec("torch") is None:
        raise BackendError("training needs torch. Install kukkiri[torch].")
    from kukkiri.training import MetaRecipe, TrainingProgress, meta_train, read_any_recipe, train

    settings = read_any_recipe(recipe, overrides)
    with _Progress(settings.steps, name=settings.name) as progress:

        def report(line: TrainingProgress) -> None:
            psnr = "" if line.psnr is None else f"  {' > '.join(f'{one:.3f}' for one in line.curve or (line.psnr,))} dB"
            text = f"loss {line.loss:.5f}  rate {line.learning_rate:.2e}  {line.patches_per_second:.0f} patches/s"
            progress.show(line.step, text, left=_clock(line.seconds_left), result=psnr)

        if isinstance(settings, MetaRecipe):
            weights = meta_train(settings, resume=resume, report=report)
        else:
            weights = train(settings, resume=resume, report=report)
    print_result(str(weights))


class _Progress(TerminalBar):
    """A bar on a terminal; elsewhere one line for each line of the log."""

    def __init__(self, steps: int, *, name: str) -> None:
        self._steps = steps
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task("reading the images", total=steps)

    def show(self, step: int, text: str, *, left: str, result: str) -> None:
        """Say how far it is; validated scores stay on the screen."""
        if self._bar is None:
            print_progress(f"{step}/{self._steps}  {text}  {left} left{result}")
            return
        self._bar.update(self._task, completed=step, description=f"{text}  {left} left")
        if result:
            self._bar.console.print(f"{step}{result}")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
