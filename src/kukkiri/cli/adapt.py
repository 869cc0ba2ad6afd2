"""``kukkiri adapt``: a network learns from the image that it upscales."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from kukkiri.cli.printing import print_progress, print_result
from kukkiri.degradations import estimate_gaussian
from kukkiri.errors import BackendError, ConfigError
from kukkiri.images import Image, check_output, read_image

if TYPE_CHECKING:
    from kukkiri.adaptation import AdaptationProgress, AdaptedUpscaler

__all__ = ["adapt_command"]


def adapt_command(
    source: Annotated[Path, Parameter(name="INPUT")],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    scale: Annotated[int, Parameter(alias="-s")] = 2,
    kernel: str = "bicubic",
    subsample: Literal["direct", "bicubic"] = "direct",
    method: str | None = None,
    initialization: str | None = None,
    steps: int | None = None,
    budget: float | None = None,
    noise: float = 0.0,
    projections: int | None = None,
    precision: Literal["float32", "bfloat16"] | None = None,
    seed: int = 0,
    save: Path | None = None,
    report: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Upscale an image by what it teaches about itself. Ctrl-C stops learning and keeps the best so far.

    Args:
        source: the image.
        output: the larger image.
        scale: whole, from 2.
        kernel: the blur that made the image: bicubic, estimate, gaussian:L1,L2,THETA (variances), or a file
            (.npy, .npz, .mat, .txt).
        subsample: what followed the blur: every scale-th pixel, or bicubic.
        method: zssr, thousands of steps from nothing, or mzsr or another shipped initialization's network, ten steps from
            there; when not given, an initialization if one is shipped for the scale and the subsampling, and zssr otherwise.
        initialization: an initialization of your own: .safetensors with a card (.json) beside it.
        steps: of learning, at most; when not given 10 from an initialization, 3000 of zssr. 0 uses an initialization as it is.
        budget: seconds of learning, at most.
        noise: standard deviation of the image's noise, in [0, 1].
        projections: back-projections on the result; when not given none from an initialization, some of zssr.
        precision: with zssr: bfloat16 learns in about half the time on CPUs that multiply it; float32 when not
            given.
        seed: the same seed gives the same image, when no budget or Ctrl-C ends learning.
        save: also write the network, as .safetensors, for kukkiri.adaptation.AdaptedUpscaler.load.
        report: also write a page (.html) that shows the kernel, and the image before and after.
        overwrite: replace existing files.
    """
    if importlib.util.find_spec("torch") is None:
        raise BackendError("adaptation needs torch. Install kukkiri[torch].")
    check_output(output, source=source, overwrite=overwrite)
    for other in (save, report):
        if other is not None and other.exists() and not overwrite:
            raise ConfigError(f"{other}: exists already. Choose another name, or allow it with --overwrite.")
    image = read_image(source)
    from kukkiri.adaptation import adapt, choose_initialization, degradation_of, grid_of  # torch

    estimated = kernel == "estimate"
    if estimated:
        kernel = _estimated(image, scale=scale, subsample=subsample, method=method, initialization=initialization)
    degradation = degradation_of(kernel, subsample=subsample)
    chosen = choose_initialization(degradation, scale=scale, method=method, initialization=initialization)
    if chosen is not None:
        print_progress(f"from the initialization {chosen.name}")
    elif method is None:
        print_progress(
            f"no initialization is shipped for x{scale} and {grid_of(degradation)} subsampling, so zssr: minutes"
        )
    adapted = adapt(
        image,
        scale=scale,
        kernel=str(degradation),
        method="zssr" if chosen is None else None,
        initialization=chosen,
        steps=steps,
        budget=budget,
        seed=seed,
        noise_std=noise,
        projections=projections,
        precision=precision,
        progress=_print_step,
    )
    _print_end(adapted)
    if adapted.ensemble and not adapted.fell_back:
        print_progress("upscaling eight times over: flips and turns, of which the median is taken")
    larger = adapted(image)
    notes = larger.save(output, overwrite=overwrite)
    for note in dict.fromkeys([*larger.notes, *notes]):
        print_progress(f"kukkiri: {note}")
    if save is not None and not adapted.fell_back:
        adapted.save(save, overwrite=overwrite)
    if report is not None:
        from kukkiri.reports.adaptation import write_adaptation_report  # only who asks for a page pays for it

        write_adaptation_report(report, adapted, image, larger, estimated=estimated, overwrite=overwrite)
    print_result(str(output))


def _print_step(line: "AdaptationProgress") -> None:
    print_progress(
        f"{line.step}/{line.steps}  loss {line.loss:.5f}  rate {line.learning_rate:.0e}  "
        f"rebuilt {line.psnr:.2f} dB  {line.seconds:.{1 if line.seconds < 10 else 0}f} s"
    )


def _print_end(adapted: "AdaptedUpscaler") -> None:
    if adapted.fit is not None and adapted.guard is not None:
        fit, guard = adapted.fit, adapted.guard
        took = f"{fit.seconds:.{1 if fit.seconds < 10 else 0}f} s"
        print_progress(f"{_ENDS[fit.stopped]} after {fit.steps} steps, {took}")
        print_progress(f"the image rebuilt from its son: {fit.initial_psnr:.2f} -> {fit.psnr:.2f} dB")
        print_progress(f"the result shrunk again: bicubic {guard.before:.2f} dB, adapted {guard.after:.2f} dB")


_ENDS = {
    "rate": "nothing more to learn",
    "steps": "all steps done",
    "budget": "budget spent",
    "diverged": "kukkiri: the numbers left all bounds; the best so far is used,",
    "interrupted": "kukkiri: interrupted; the best so far is used,",
}


def _estimated(image: Image, *, scale: int, subsample: str, method: str | None, initialization: str | None) -> str:
    """The degradation that an image's spectrum speaks of, said aloud.

    A spectrum does not know where the pixels lie. For an initialization they are taken to lie as in its training, when it is
    one for ``direct`` subsampling: it knows such blurs best, and that the result then lies (scale - 1) / 2 of its
    pixels to the side shows nowhere. Otherwise nothing moves.
    """
    from kukkiri.adaptation import degradation_of, find_initialization, load_initialization

    if subsample != "direct":
        raise ConfigError(
            f"--kernel estimate finds the blur of shrinking too, so --subsample must be direct, got {subsample}."
        )
    if scale < 2:
        raise ConfigError(f"adaptation needs a whole scale from 2, got {scale}.")
    estimate = estimate_gaussian(image.colour, scale=scale)
    print_progress(f"estimated kernel {estimate}, noise {255 * estimate.noise_std:.2f} of 255 levels")
    aligned, direct = f"{estimate}+direct:aligned", f"{estimate}+direct"
    if initialization is not None:
        return (
            direct
            if load_initialization(initialization, scale=scale, subsample="bicubic").subsample == "direct"
            else aligned
        )
    if method == "zssr" or find_initialization(degradation_of(direct), scale=scale, network=method) is None:
        return aligned
    return direct
