"""``kukkiri train``: a recipe in, weights out."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kukkiri.cli.parameters import UsageError
from kukkiri.cli.printing import TerminalBar, print_progress, print_result
from kukkiri.errors import require

if TYPE_CHECKING:
    from kukkiri.training import Recipe, TrainingProgress

__all__ = ["train_command"]

_PEER_LOST = 75  # EX_TEMPFAIL: the launcher says which process was lost, so that this one is silent


def train_command(
    recipe: Path | None = None,
    /,
    *overrides: str,
    resume: bool = False,
    device: str | None = None,
    processes: int = 1,
    plot: bool = False,
    schema: bool = False,
) -> int | None:
    """Train a network from a TOML recipe; print the name of the weights.

    Needs the torch extra. Ctrl-C and SIGTERM end it after the running step, with a checkpoint. torchrun may start it,
    too: torchrun -m kukkiri train RECIPE.

    Args:
        recipe: TOML file, such as those in recipes/.
        overrides: key=value texts that replace settings of the recipe, such as steps=2000 data=my/images.
        resume: continue from the last checkpoint, with the same result as an uninterrupted run. More steps or another
            learning rate are taken over.
        device: auto (a GPU when there is one), cpu, cuda, cuda:N or mps; when not given, that of the recipe.
        processes: processes on this machine, among which every batch is divided.
        plot: also draw the run (training.html, and training.png with the report extra) into its folder.
        schema: print the JSON Schema of recipes for editors, and train nothing.
    """
    require("torch", for_what="training")
    from kukkiri.training import read_recipe

    if schema:
        from kukkiri.training.schema import recipe_schema

        print_result(json.dumps(recipe_schema(), indent=1))
        return None
    if recipe is None:
        raise UsageError("no recipe was given. Name a TOML file, such as recipes/plain-s-x2.toml.")
    if processes < 1:
        raise UsageError(f"--processes must be at least 1, got {processes}.")
    if device is not None:
        overrides = (*overrides, f"device={device}")
    settings = read_recipe(recipe, overrides)
    if processes > 1:
        from kukkiri.training.processes import launch

        code = launch(["train", str(recipe), *overrides, *(["--resume"] if resume else [])], processes=processes)
    else:
        code = _train(settings, resume=resume)
    if plot and (settings.folder / "log.jsonl").exists() and int(os.environ.get("RANK", "0")) == 0:
        from kukkiri.reports import write_training_report

        for path in write_training_report(settings.folder):
            print_progress(f"drawn: {path}")
    return code


def _train(settings: "Recipe", *, resume: bool) -> int:
    """Train in this process; return the exit code."""
    from kukkiri.training import train
    from kukkiri.training.processes import LAUNCHED, PeerLostError, World

    if not World.from_environment().is_first:
        train(settings, resume=resume)
        return 0
    with _TrainingDisplay(settings.steps, name=settings.name) as display:
        try:
            weights = train(settings, resume=resume, report=display.report)
        except PeerLostError:
            if LAUNCHED in os.environ:
                return _PEER_LOST
            raise
    print_result(str(weights))
    return 0


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

    def report(self, progress: "TrainingProgress") -> None:
        """Show a line of the log."""
        curve = progress.curve or (() if progress.psnr is None else (progress.psnr,))
        validated = f"  {' > '.join(f'{psnr:.3f}' for psnr in curve)} dB" if curve else ""
        if progress.scores:
            validated += f" ({', '.join(f'{name} {psnr:.3f}' for name, psnr in progress.scores.items())})"
        skipped = f"  {progress.skipped} skipped" if progress.skipped else ""
        speed = f"{progress.patches_per_second:.0f} patches/s"
        text = f"loss {progress.loss:.5f}  learning rate {progress.learning_rate:.2e}  {speed}{skipped}"
        self.show(progress.step, text, left=_clock(progress.seconds_left), validated=validated)

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
