"""``kukkiri export``: a checkpoint as a verified ONNX file."""

import importlib.util
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from kukkiri.cli.printing import print_progress, print_result
from kukkiri.errors import BackendError

__all__ = ["export"]


def export(
    model: str,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    optimize: Annotated[bool, Parameter(negative=())] = False,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Write a model as ONNX with dynamic sizes; it is compared with torch at three odd sizes before it is saved.

    Args:
        model: id, .safetensors or .pth file.
        output: the .onnx file.
        optimize: rewrite layers exactly where that is faster in ONNX Runtime, and say so.
        overwrite: replace an existing file.
    """
    if importlib.util.find_spec("torch") is None:
        raise BackendError("exporting needs torch. Install kukkiri[torch].")
    from kukkiri.checkpoints import export_onnx, load

    loaded = load(model)
    module: Any = loaded.module
    if optimize:
        from kukkiri.upsampling import optimize as optimize_layers

        module, done = optimize_layers(module, engine="onnxruntime")
        for line in done or ["nothing to rewrite: no layer has a faster equal form"]:
            print_progress(line)
    export_onnx(module, output, info=loaded.info, overwrite=overwrite)
    print_result(str(output))
