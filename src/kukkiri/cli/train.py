"""``kukkiri train``: a recipe in, weights out."""

import importlib.util
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.printing import print_progress, print_result
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
        overrides: key=value texts laid over the recipe, such as steps=2000 data=my/pictures.
        resume: go on from the last checkpoint, bit-exactly.
    """
    if importlib.util.find_spec("torch") is None:
        raise BackendError("training needs torch. Install kukkiri[torch].")
    from kukkiri.training import Progress, read_recipe, train

    def report(line: Progress) -> None:
        psnr = "" if line.psnr is None else f"  {line.psnr:.3f} dB"
        print_progress(
            f"{line.step}/{line.steps}  loss {line.loss:.5f}  rate {line.learning_rate:.2e}  "
            f"{line.patches_per_second:.0f} patches/s  {_clock(line.seconds_left)} left{psnr}"
        )

    print_result(str(train(read_recipe(recipe, overrides), resume=resume, report=report)))


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
