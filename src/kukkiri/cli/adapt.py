"""``kukkiri adapt``: a network is fitted to the image that it upscales."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from kukkiri.cli.printing import print_progress, print_result
from kukkiri.devices import resolve_device
from kukkiri.errors import ConfigError, make_printable, require
from kukkiri.files import sweep_temporary_files
from kukkiri.images import check_output, read_image

if TYPE_CHECKING:
    from kukkiri.adaptation import AdaptationProgress, AdaptedUpscaler

__all__ = ["adapt_command"]


def adapt_command(
    source: Annotated[Path, Parameter(name="INPUT")],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    scale: Annotated[int, Parameter(alias="-s")] = 2,
    kernel: str | None = None,
    subsample: Literal["direct", "bicubic"] = "direct",
    method: str | None = None,
    initialization: str | None = None,
    steps: int | None = None,
    budget: float | None = None,
    noise: float = 0.0,
    projections: int | None = None,
    precision: Literal["float32", "bfloat16"] | None = None,
    device: str = "auto",
    seed: int = 0,
    save: Path | None = None,
    report: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Upscale an image with a network that is fitted to it (zero-shot). Ctrl-C ends learning; the best so far is used.

    Needs the torch extra.

    Args:
        source: the image, at least 16 pixels high and wide.
        output: the upscaled image.
        scale: output pixels for one input pixel along a side, a whole number from 2.
        kernel: blur that made the image: estimate, which is taken when not given (bicubic where the estimate is
            doubtful, or with --subsample bicubic), bicubic, a blur such as gaussian:L1,L2,THETA (variances in output
            pixels squared, angle in radians) or disk:2, or a kernel file (.npy, .npz, .mat, .txt).
        subsample: subsampling after the blur: direct (every scale-th pixel) or bicubic.
        method: zssr (thousands of steps from random weights), or mzsr or the network of another shipped
            initialization (ten steps from it); when not given, a shipped initialization if there is one for the scale
            and the subsampling, else zssr.
        initialization: id or file (.safetensors, with a .json card beside it) of meta-learned weights to begin with.
        steps: gradient steps, at most; when not given 10 from an initialization, 3000 with zssr. 0 uses an
            initialization without adaptation.
        budget: seconds of learning, at most.
        noise: standard deviation of the image's noise, from 0 to 1 (white).
        projections: back-projections on the result; when not given none from an initialization, zssr's own with zssr.
        precision: of zssr while it learns: bfloat16 takes about half the time on CPUs with instructions for it
            (AVX-512 BF16, AMX); float32 when not given.
        device: where the network learns and runs: auto (a GPU when torch sees one), cpu, cuda, cuda:N or mps.
        seed: of random weights, crops and noise; on the CPU the same seed gives the same image unless --budget or
            Ctrl-C ends learning.
        save: also write the network (.safetensors), for kukkiri.adaptation.AdaptedUpscaler.load.
        report: also write an .html page with the kernel, and the image before and after.
        overwrite: replace existing files.
    """
    require("torch", for_what="adaptation")
    check_output(output, source=source, overwrite=overwrite)
    for other in (save, report):
        if other is not None and other.exists() and not overwrite:
            raise ConfigError(f"{other}: exists already. Choose another name, or allow it with --overwrite.")
    for folder in {path.parent for path in (output, save, report) if path is not None}:
        sweep_temporary_files(folder)
    resolve_device(device)
    image = read_image(source)
    from kukkiri.adaptation import adapt, choose_initialization, degradation_of, grid_of  # torch
    from kukkiri.adaptation.estimated_degradation import estimate_degradation

    asked = kernel or ("bicubic" if subsample == "bicubic" else "estimate")
    if asked == "estimate":
        found = estimate_degradation(
            image, scale=scale, subsample=subsample, method=method, initialization=initialization
        )
        degradation = found.degradation
        for note in found.notes:
            print_progress(f"kukkiri: {note}")
    else:
        degradation = degradation_of(asked, scale=scale, subsample=subsample)
        if "aligned" in str(degradation) and "+" not in asked:
            print_progress(
                f"{make_printable(asked)}: its centre of mass lies near {(scale - 1) / 2:g} pixels right of and below "
                "the middle, as KernelGAN and FKP write kernels: the image is taken to lie on the bicubic grid "
                "(direct:aligned)"
            )
    chosen = choose_initialization(degradation, scale=scale, method=method, initialization=initialization)
    if chosen is not None:
        print_progress(f"from the initialization {chosen.name}")
    elif method is None:
        print_progress(
            f"no initialization is shipped for x{scale} and {grid_of(degradation)} subsampling: zssr (minutes)"
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
        device=device,
        progress=_print_step,
    )
    _print_end(adapted)
    if adapted.ensemble and not adapted.fell_back:
        print_progress("upscaling eight flipped and rotated copies, of which the median is taken")
    sr = adapted(image)
    notes = sr.save(output, overwrite=overwrite)
    for note in dict.fromkeys([*sr.notes, *notes]):
        print_progress(f"kukkiri: {note}")
    if save is not None and not adapted.fell_back:
        adapted.save(save, overwrite=overwrite)
    if report is not None:
        from kukkiri.reports import write_adaptation_report  # only a report needs the charts

        estimated = kernel == "estimate" and str(degradation) != "bicubic"
        write_adaptation_report(report, adapted, before=image, after=sr, estimated=estimated, overwrite=overwrite)
    print_result(str(output))


def _print_step(progress: "AdaptationProgress") -> None:
    print_progress(
        f"{progress.step}/{progress.steps}  loss {progress.loss:.5f}  learning rate {progress.learning_rate:.0e}  "
        f"reconstruction {progress.psnr:.2f} dB  {_seconds(progress.seconds)}"
    )


def _print_end(adapted: "AdaptedUpscaler") -> None:
    if adapted.fit is not None and adapted.guard is not None:
        fit, guard = adapted.fit, adapted.guard
        print_progress(f"{_ENDS[fit.stopped]} after {fit.steps} steps, {_seconds(fit.seconds)}")
        print_progress(f"the image reconstructed from its downscaled copy: {fit.initial_psnr:.2f} -> {fit.psnr:.2f} dB")
        print_progress(f"the result downscaled again: bicubic {guard.before:.2f} dB, adapted {guard.after:.2f} dB")


_ENDS = {
    "rate": "converged",
    "steps": "all steps done",
    "budget": "budget spent",
    "diverged": "kukkiri: training diverged; the best so far is used,",
    "interrupted": "kukkiri: interrupted; the best so far is used,",
}


def _seconds(seconds: float) -> str:
    return f"{seconds:.{1 if seconds < 10 else 0}f} s"
