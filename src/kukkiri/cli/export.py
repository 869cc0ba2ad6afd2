"""``kukkiri export``: a checkpoint, or one between two, as a verified ONNX file or as weights."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from kukkiri.cli.model_arguments import DEFAULT_ARGUMENTS, ArgumentOptions, read_one
from kukkiri.cli.printing import print_progress, print_result
from kukkiri.errors import ConfigError, require

__all__ = ["export"]


def export(
    model: str,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    scale: Annotated[int | None, Parameter(alias="-s")] = None,
    arguments: ArgumentOptions = DEFAULT_ARGUMENTS,
    interpolate: str = "",
    alpha: float | None = None,
    optimize: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a model as ONNX with dynamic sizes; it is compared with torch at three odd sizes before it is saved.

    With an output that ends in .safetensors the weights are written instead.

    Needs the torch extra.

    Args:
        model: id, .safetensors or .pth file.
        output: the .onnx file, or a .safetensors file.
        scale: of weights that do not tell it or serve several, such as those of FSRCNN and MDSR.
        interpolate: a second model of the same network, such as the GAN that was trained from the first; the weights
            between the two are exported.
        alpha: of --interpolate, from 0 (the first model) to 1 (the second); 0.8 when not given.
        optimize: replace layers by exactly equal ones where ONNX Runtime is faster with them, and name them.
        overwrite: replace an existing file.
    """
    if alpha is not None and not interpolate:
        raise ConfigError(
            f"--alpha {alpha:g} is of --interpolate, which is not given. Name the second model, or drop it."
        )
    if output.suffix.lower() not in (".onnx", ".safetensors"):
        raise ConfigError(f"--output {output}: expected a name that ends in .onnx or .safetensors.")
    require("torch", for_what="exporting")
    from kukkiri.checkpoints import export_onnx, interpolate_weights, load, save_safetensors

    given = read_one(arguments, model, scale=scale)
    loaded = load(model, **given)
    if interpolate:
        loaded = interpolate_weights(loaded, load(interpolate, **given), 0.8 if alpha is None else alpha)
    module: Any = loaded.module
    if output.suffix.lower() == ".safetensors":
        if optimize:
            raise ConfigError("--optimize is for .onnx files. Drop it, or choose another output.")
        save_safetensors(module, output, info=loaded.info, overwrite=overwrite)
        print_result(str(output))
        return
    if optimize:
        from kukkiri.upsampling import optimize as optimize_layers

        module, replaced = optimize_layers(module, engine="onnxruntime")
        for line in replaced or ["nothing to replace: no layer has a faster equal form"]:
            print_progress(line)
    export_onnx(module, output, info=loaded.info, overwrite=overwrite)
    print_result(str(output))
