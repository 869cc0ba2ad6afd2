"""``kukkiri export``: a checkpoint as a verified ONNX file."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from kukkiri.cli.model_arguments import DEFAULT_ARGUMENTS, ArgumentOptions, read_one
from kukkiri.cli.printing import print_progress, print_result
from kukkiri.errors import require

__all__ = ["export"]


def export(
    model: str,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    scale: Annotated[int | None, Parameter(alias="-s")] = None,
    arguments: ArgumentOptions = DEFAULT_ARGUMENTS,
    optimize: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a model as ONNX with dynamic sizes; it is compared with torch at three odd sizes before it is saved.

    Needs the torch extra.

    Args:
        model: id, .safetensors or .pth file.
        output: the .onnx file.
        scale: of weights that do not tell it or serve several, such as those of FSRCNN and MDSR.
        optimize: replace layers by exactly equal ones where ONNX Runtime is faster with them, and name them.
        overwrite: replace an existing file.
    """
    require("torch", for_what="exporting")
    from kukkiri.checkpoints import export_onnx, load

    loaded = load(model, **read_one(arguments, model, scale=scale))
    module: Any = loaded.module
    if optimize:
        from kukkiri.upsampling import optimize as optimize_layers

        module, replaced = optimize_layers(module, engine="onnxruntime")
        for line in replaced or ["nothing to replace: no layer has a faster equal form"]:
            print_progress(line)
    export_onnx(module, output, info=loaded.info, overwrite=overwrite)
    print_result(str(output))
