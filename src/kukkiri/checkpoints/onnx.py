"""The ONNX writer: one file, any image size, [0, 1] in and out, compared with torch before the file appears."""

import copy
import dataclasses
import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kukkiri.checkpoints.description import check_description
from kukkiri.checkpoints.estimators import Estimator
from kukkiri.checkpoints.model_files import replacing_model
from kukkiri.checkpoints.safetensors import tensors_sha256
from kukkiri.errors import ModelError, require
from kukkiri.info import ModelInfo
from kukkiri.networks import Network

__all__ = ["MEMORY_KEY", "TOLERANCE", "export_onnx"]

MEMORY_KEY = "kukkiri_memory"
"""Metadata entry with the bytes of the activations, see :mod:`kukkiri.checkpoints.footprint`."""
TOLERANCE = 1e-5
"""Largest difference from torch, relative to the larger of white and the largest output."""
_TRACED = (2, 18, 22)
_CHECKED = ((1, 17, 31), (3, 21, 15), (1, 45, 37))  # odd; the last is larger than the traced size
_LIMIT = 2**31 - 1  # of a protobuf message
_LOG = logging.getLogger(__name__)


def export_onnx(module: nn.Module, path: str | PathLike[str], *, info: ModelInfo, overwrite: bool = False) -> ModelInfo:
    """Write a network as an ONNX graph, after a comparison with torch.

    The graph has one input ``lr`` (N, C, H, W) and one output ``sr``, both float32 in [0, 1] (the network's
    ``value_range`` is folded in), with dynamic N, H and W; the input of a pre-upsampled network is the
    upscaled image. Where the descriptor has a condition, a second input ``condition`` (N, length) is the argument of
    the forward after the image. Its metadata is the descriptor. The same module gives the same bytes.

    Args:
        module: a network; it is neither moved nor changed.
        path: of the new file; missing folders are made.
        info: the descriptor; its ``sha256`` is replaced by that of the module's tensors, the same as in
            the safetensors file of these weights.
        overwrite: replace an existing file.

    Returns:
        The descriptor that was written.

    Raises:
        ModelError: the file exists, or ``info`` contradicts the module, or the module cannot be expressed as a
            graph, or ONNX Runtime's result differs from torch's at one of three odd sizes by more than
            ``TOLERANCE``. Nothing is written then.
        BackendError: the ``onnx`` and ``onnxscript`` packages are missing.
    """
    if isinstance(module, Estimator):
        raise ModelError(
            f"{info.name}: an estimator, {type(module).__name__}, which does not upscale. Use it from Python."
        )
    check_description(module, info)
    for package in ("onnx", "onnxscript"):
        require(package, for_what="writing ONNX")
    conditions = getattr(module, "conditions", ())
    if conditions and info.condition is None:
        raise ModelError(
            f"{info.name}: is conditioned on {', '.join(conditions)}, which no descriptor tells how to compute from a "
            "blur kernel. Use the network from Python, through kukkiri.load."
        )
    written = dataclasses.replace(info, sha256=tensors_sha256(module.state_dict()))
    seam = _Seam(module)
    with replacing_model(Path(path), overwrite=overwrite) as temporary:
        graph = _trace(seam, written)
        footprint = _measure(graph, info)
        for key, value in (*written.to_metadata().items(), (MEMORY_KEY, json.dumps(footprint))):
            entry = graph.metadata_props.add()
            entry.key, entry.value = key, value
        if graph.ByteSize() > _LIMIT:
            raise ModelError(f"{info.name}: larger than 2 GB, which does not fit into one ONNX file.")
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
        _verify(seam, temporary, written)
    _LOG.info("wrote %s: %s, verified at %d sizes", path, written.name, len(_CHECKED))
    return written


class _Seam(nn.Module):
    """A network with [0, 1] on both sides, in evaluation mode, in float32 on the CPU."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        plain = network.deployed() if isinstance(network, Network) else network
        self.network = copy.deepcopy(plain).float().cpu().eval().requires_grad_(False)
        self.value_range = float(getattr(network, "value_range", 1.0))

    def forward(self, lr: Tensor, condition: Tensor | None = None) -> Tensor:
        scaled = lr if self.value_range == 1.0 else lr * self.value_range
        sr: Tensor = self.network(scaled) if condition is None else self.network(scaled, condition)
        return sr if self.value_range == 1.0 else sr / self.value_range


def _trace(seam: _Seam, info: ModelInfo) -> Any:
    """Trace the network with symbolic sizes, and strip the graph."""
    batch, height, width = _TRACED
    examples = [torch.zeros(batch, info.channels, height * info.multiple, width * info.multiple)]
    dynamic = torch.export.Dim.DYNAMIC
    shapes = [{0: dynamic, 2: dynamic, 3: dynamic}]
    if info.condition is not None:
        examples.append(torch.zeros(batch, info.condition.length))
        shapes.append({0: dynamic})
    with _quiet():
        try:
            program = torch.onnx.export(
                seam,
                tuple(examples),
                dynamo=True,
                input_names=["lr", "condition"][: len(examples)],
                output_names=["sr"],
                dynamic_shapes=tuple(shapes),
                verbose=False,
            )
        except Exception as error:  # the exporter has no common base class for its errors
            reason = " ".join(str(error.__cause__ or error).split())[:300]
            raise ModelError(f"{info.name}: the network cannot be written as an ONNX graph: {reason}") from error
    model = program.model_proto  # type: ignore[union-attr]
    _strip(model)
    return model


def _measure(model: Any, info: ModelInfo) -> dict[str, float]:
    """Measure the memory of the graph, from which the tiler plans."""
    from kukkiri.checkpoints.footprint import measure_footprint  # imports onnx, which only the writer needs

    return measure_footprint(model, multiple=info.multiple, is_global=info.receptive_field is None)


def _strip(model: Any) -> None:
    """Remove everything that only the exporter needed: source paths, trace symbols, intermediate shapes.

    ONNX Runtime infers the shapes, which hold the exporter's symbols. The sizes of input and output are named.
    """
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    model.graph.name = "kukkiri"
    model.graph.doc_string = model.doc_string = ""
    for item in (*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output):
        del item.metadata_props[:]
        item.doc_string = ""
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]
    _rename(model.graph, "network.")
    symbols: dict[str, str] = {}
    for position, name in ((0, "n"), (2, "h"), (3, "w")):
        symbols[model.graph.input[0].type.tensor_type.shape.dim[position].dim_param] = name
    for value in (*model.graph.input, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.HasField("dim_param"):
                dimension.dim_param = re.sub(
                    r"[A-Za-z_]\w*", lambda found: symbols.get(found[0], found[0]), dimension.dim_param
                )


def _rename(graph: Any, prefix: str) -> None:
    """Give the weights the names they have in the state dict."""
    for tensor in graph.initializer:
        tensor.name = tensor.name.removeprefix(prefix)
    for node in graph.node:
        node.input[:] = [name.removeprefix(prefix) for name in node.input]


def _verify(seam: _Seam, path: Path, info: ModelInfo) -> None:
    """Compare ONNX Runtime with torch on noise at sizes that were not traced."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    scale = 1 if info.pre_upsampled else info.scale
    for batch, height, width in _CHECKED:
        size = (height * info.multiple, width * info.multiple)
        lr = torch.rand(batch, info.channels, *size, generator=generator)
        inputs = {"lr": lr}
        if info.condition is not None:
            inputs["condition"] = torch.rand(batch, info.condition.length, generator=generator)
        with torch.inference_mode():
            expected = seam(*inputs.values()).numpy()
        wanted = (batch, info.channels, scale * size[0], scale * size[1])
        if expected.shape != wanted:
            raise ModelError(
                f"{info.name}: the network maps {tuple(lr.shape)} to {expected.shape}, expected {wanted}; "
                "its scale or colour is described wrongly."
            )
        try:
            (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        except Exception as error:  # ONNX Runtime's errors have no public base class
            raise ModelError(f"{info.name}: the ONNX graph fails at {size[0]}x{size[1]}: {error}") from error
        peak = max(1.0, float(np.abs(expected).max()))
        difference = float(np.abs(found - expected).max()) if found.shape == wanted else float("inf")
        if not difference <= TOLERANCE * peak:
            raise ModelError(
                f"{info.name}: the ONNX graph differs from torch by {difference:.1e} at {size[0]}x{size[1]} "
                f"(allowed {TOLERANCE * peak:.1e}), so nothing was written. The network may depend on the size "
                "in a way that a graph cannot hold."
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's advice to its developers; its graph is verified."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
