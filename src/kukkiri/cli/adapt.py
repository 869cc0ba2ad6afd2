"""``kukkiri adapt``: a network learns from the picture that it enlarges."""

import importlib.util
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from kukkiri.cli.printing import print_progress, print_result
from kukkiri.degradations import estimate_gaussian
from kukkiri.errors import BackendError, ConfigError
from kukkiri.images import Picture, check_output, read_picture

__all__ = ["adapt_command"]


def adapt_command(
    source: Annotated[Path, Parameter(name="INPUT")],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    scale: Annotated[int, Parameter(alias="-s")] = 2,
    kernel: str = "bicubic",
    subsample: Literal["direct", "bicubic"] = "direct",
    steps: int | None = None,
    budget: float | None = None,
    noise: float = 0.0,
    seed: int = 0,
    save: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Upscale a picture by what it teaches about itself (ZSSR). Ctrl-C stops learning and keeps the best so far.

    Args:
        source: the picture.
        output: the larger picture.
        scale: whole, from 2.
        kernel: the blur that made the picture: bicubic, estimate, gaussian:L1,L2,THETA (variances), or a file
            (.npy, .npz, .mat, .txt).
        subsample: what followed the blur: every scale-th pixel, or bicubic.
        steps: of learning, at most; 3000 when not given.
        budget: seconds of learning, at most.
        noise: standard deviation of the picture's noise, in [0, 1].
        seed: the same seed gives the same picture, when no budget or Ctrl-C ends learning.
        save: also write the network, as .safetensors, for kukkiri.adaptation.AdaptedUpscaler.load.
        overwrite: replace existing files.
    """
    if importlib.util.find_spec("torch") is None:
        raise BackendError("adaptation needs torch. Install kukkiri[torch].")
    check_output(output, source=source, overwrite=overwrite)
    if save is not None and save.exists() and not overwrite:
        raise ConfigError(f"{save}: exists already. Choose another name, or allow it with --overwrite.")
    picture = read_picture(source)
    if kernel == "estimate":
        kernel = _estimated(picture, scale=scale, subsample=subsample)
    from kukkiri.adaptation import Progress, adapt  # torch

    def report(line: Progress) -> None:
        print_progress(
            f"{line.step}/{line.steps}  loss {line.loss:.5f}  rate {line.learning_rate:.0e}  "
            f"rebuilt {line.psnr:.2f} dB  {line.seconds:.0f} s"
        )

    adapted = adapt(
        picture,
        scale=scale,
        kernel=kernel,
        subsample=subsample,
        steps=steps,
        budget=budget,
        seed=seed,
        noise_std=noise,
        progress=report,
    )
    if adapted.fit is not None and adapted.guard is not None:
        fit, guard = adapted.fit, adapted.guard
        print_progress(f"{_ENDS[fit.stopped]} after {fit.steps} steps, {fit.seconds:.0f} s")
        print_progress(f"the picture rebuilt from its son: {fit.start_psnr:.2f} -> {fit.psnr:.2f} dB")
        print_progress(f"the result shrunk again: bicubic {guard.before:.2f} dB, adapted {guard.after:.2f} dB")
    larger = adapted.picture(picture)
    notes = larger.save(output, overwrite=overwrite)
    for note in dict.fromkeys([*larger.notes, *notes]):
        print_progress(f"kukkiri: {note}")
    if save is not None and not adapted.fell_back:
        adapted.save(save, overwrite=overwrite)
    print_result(str(output))


_ENDS = {
    "rate": "nothing more to learn",
    "steps": "all steps done",
    "budget": "budget spent",
    "interrupted": "kukkiri: interrupted; the best so far is used,",
}


def _estimated(picture: Picture, *, scale: int, subsample: str) -> str:
    """The degradation that a picture's spectrum speaks of, said aloud; aligned, so that nothing moves."""
    if subsample != "direct":
        raise ConfigError(
            f"--kernel estimate finds the blur of shrinking too, so --subsample must be direct, got {subsample}."
        )
    if scale < 2:
        raise ConfigError(f"adaptation needs a whole scale from 2, got {scale}.")
    estimate = estimate_gaussian(picture.colour, scale=scale)
    print_progress(f"estimated kernel {estimate}, noise {255 * estimate.noise_std:.2f} of 255 levels")
    return f"{estimate}+direct:aligned"
