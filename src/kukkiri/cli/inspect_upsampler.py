"""``kukkiri inspect upsampler``: the checkerboard that a model writes, and its repair."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.model_arguments import DEFAULT_ARGUMENTS, ArgumentOptions, read_one
from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.errors import ConfigError
from kukkiri.explain.upsampler import (
    UpsamplerReport,
    draw_difference,
    draw_spectrum,
    inspect_upsampler,
    repair_model,
)

__all__ = ["inspect_upsampler_command"]


def inspect_upsampler_command(
    model: str,
    *,
    image: Path | None = None,
    data: Path | None = None,
    report: Path | None = None,
    gain: float = 8.0,
    repair: bool = False,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    every_constant: bool = False,
    scale: Annotated[int | None, Parameter(alias="-s")] = None,
    arguments: ArgumentOptions = DEFAULT_ARGUMENTS,
    device: str = "cpu",
    overwrite: bool = False,
    json: bool = False,
) -> None:
    """Measure the checkerboard that a model writes, draw its spectrum and an amplified difference image, repair it.

    Needs the report extra for the spectrum, and torch for models other than .onnx files and for --repair.

    Args:
        model: id, .onnx, .safetensors or .pth file.
        image: an LR image to upscale and measure, at least 16x16 pixels; a smooth synthetic one when not given.
        data: folder of HR images: also give the PSNR on them (y-matlab, bicubic LR), before and after a repair.
        report: folder for spectrum.png and difference.png; NAME-upsampler when not given.
        gain: factor of the difference image around grey.
        repair: even out the phases of the last upsampler with the least change of its weights, and write the model.
        output: file of the repaired model: .onnx for an .onnx model, else .safetensors.
        every_constant: with --repair: even out the answer to any constant features, not only to those of flat images;
            a much larger change, for models before training.
        scale: of weights that do not tell it or serve several, such as those of FSRCNN and MDSR.
        device: where a network of torch runs: cpu, cuda, cuda:N, mps, or auto (a GPU when torch sees one).
        overwrite: replace an existing model.
        json: print one JSON object to stdout and nothing else.
    """
    _check_output(model, repair=repair, output=output, overwrite=overwrite)
    model_args = read_one(arguments, model, scale=scale)
    before = inspect_upsampler(model, image=image, data=data, model_args=model_args, device=device)
    info, states = before.info, {"before": before}
    if repair and output is not None:
        if before.invisible:
            print_progress("the phases answer grey within half an 8-bit level already: a repair will hardly be seen")
        layer, change = repair_model(
            model, output, info=info, every_constant=every_constant, overwrite=overwrite, model_args=model_args
        )
        print_progress(f"evened out the phases of {layer}; the weights changed by {100 * change:.2f} %")
        states["after"] = inspect_upsampler(str(output), image=image, data=data, device=device)
    folder = report or Path(f"{info.name.replace('/', '-')}-upsampler")
    draw_difference(states, folder / "difference.png", gain=gain)
    if json:
        reports = {state: state_report.to_json() for state, state_report in states.items()}
        print_json({"model": info.name, "scale": info.scale, **reports})
    else:
        _print(states)
    print_progress(f"wrote {folder / 'difference.png'}")
    draw_spectrum(states, folder / "spectrum.png")
    print_progress(f"wrote {folder / 'spectrum.png'}")


def _check_output(model: str, *, repair: bool, output: Path | None, overwrite: bool) -> None:
    if repair != (output is not None):
        raise ConfigError("--repair needs -o FILE for the repaired model, and -o is only for --repair.")
    if output is None:
        return
    expected = ".onnx" if Path(model).suffix == ".onnx" else ".safetensors"
    if output.suffix != expected:
        raise ConfigError(f"{output}: the repaired model of {model} is a {expected} file. Change the suffix.")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output}: exists already. Choose another name or pass --overwrite.")


def _print(states: dict[str, UpsamplerReport]) -> None:
    info = states["before"].info
    print_result(f"{info.name} x{info.scale}, levels of 8 bit")
    for state, report in states.items():
        network = report.network
        print_result(
            f"{state + ':':8}score {network.texture.score:6.2f} dB, amplitude {255 * network.texture.amplitude:7.3f}, "
            f"phases of grey differ by {255 * network.spread:7.3f}; image {report.image.score:6.2f} dB"
            + ("" if report.psnr is None else f"; PSNR {report.psnr:.4f} dB")
        )
        for channel in range(network.response.shape[2]):
            response = 255 * network.response[..., channel]
            rows = ["  ".join(f"{value:+8.3f}" for value in row) for row in response - response.mean()]
            label = f"  channel {channel}, mean {response.mean():.2f}: "
            print_result(("\n" + " " * len(label)).join([label + rows[0], *rows[1:]]))
