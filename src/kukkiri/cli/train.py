"""``kukkiri train``: a recipe in, weights out."""

import sys
from pathlib import Path

from kukkiri.cli.printing import TerminalBar, print_progress, print_result
from kukkiri.errors import require

__all__ = ["train_command"]


def train_command(recipe: Path, *overrides: str, resume: bool = False) -> None:
    """Train a network from a TOML recipe; print the name of the weights.

    Needs the torch extra.

    Args:
        recipe: TOML file, such as those in recipes/.
        overrides: key=value texts that replace settings of the recipe, such as steps=2000 data=my/images.
        resume: continue from the last checkpoint, with the same result as an uninterrupted run.
    """
    require("torch", for_what="training")
    from kukkiri.training import TrainingProgress, read_recipe, train

    settings = read_recipe(recipe, overrides)
    with _TrainingDisplay(settings.steps, name=settings.name) as display:

        def report(progress: TrainingProgress) -> None:
            curve = progress.curve or (() if progress.psnr is None else (progress.psnr,))
            validated = f"  {' > '.join(f'{psnr:.3f}' for psnr in curve)} dB" if curve else ""
            speed = f"{progress.patches_per_second:.0f} patches/s"
            text = f"loss {progress.loss:.5f}  learning rate {progress.learning_rate:.2e}  {speed}"
            display.show(progress.step, text, left=_clock(progress.seconds_left), validated=validated)

        weights = train(settings, resume=resume, report=report)
    print_result(str(weights))


class _TrainingDisplay(TerminalBar):
    """Progress of a training on stderr: a bar on a terminal, elsewhere one line for each line of the log."""

    def __init__(self, steps: int, *, name: str) -> None:
        self._steps = steps
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task("reading the images", total=steps)

    def show(self, step: int, text: str, *, left: str, validated: str) -> None:
        """Show a step; the scores of a validation stay on the screen."""
        if self._bar is None:
            print_progress(f"{step}/{self._steps}  {text}  {left} left{validated}")
            return
        self._bar.update(self._task, completed=step, description=f"{text}  {left} left")
        if validated:
            self._bar.console.print(f"{step}{validated}")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
