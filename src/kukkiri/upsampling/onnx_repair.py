"""The repair of :mod:`kukkiri.upsampling.repair` for ONNX files; imported on demand, since it needs ``onnx``."""

import dataclasses
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kukkiri.errors import ModelError, require
from kukkiri.files import replacing
from kukkiri.info import METADATA_KEY, ModelInfo
from kukkiri.upsampling.repair import equalize_sub_pixel_, equalize_transposed_

__all__ = ["repair_onnx"]

_PASSING = ("Add", "Clip", "Div", "Identity", "Mul", "Cast", "Sub")  # between the last layer and the shuffle or output


def repair_onnx(
    path: str | PathLike[str],
    output: str | PathLike[str],
    *,
    constants: NDArray[np.float32] | None = None,
    tolerance: float = 0.0,
    overwrite: bool = False,
) -> tuple[str, float]:
    """Make the responses of all phases of the last learned upsampling of a graph equal.

    This is the last ``ConvTranspose`` with equal strides above 1, or the last ``Conv`` that feeds a
    ``DepthToSpace``, whose weights are stored in the file.

    Args:
        path: an ``.onnx`` file; it is not changed.
        output: of the repaired graph.
        constants: (L, C, H, W) flat images in [0, 1], see :func:`kukkiri.upsampling.repair.repair_`.
        tolerance: allowed distance of a phase from the common response to ``constants``, in the layer's units.
        overwrite: replace an existing file.

    Returns:
        The node's name and the change of its weights: its norm relative to the norm of the weights.

    Raises:
        ModelError: the file cannot be read or has no such layer, or ``output`` exists or cannot be written.
        BackendError: the ``onnx`` package is missing.
    """
    require("onnx", for_what="repairing an ONNX file")
    import onnx
    from onnx import numpy_helper

    if Path(output).exists() and not overwrite:
        raise ModelError(f"{output}: exists already. Choose another name or pass --overwrite.")
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf and the file system have no common error
        raise ModelError(f"{path}: not a readable ONNX graph ({type(error).__name__}).") from error
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    found = _find_last_upsampling(graph, stored)
    if found is None:
        raise ModelError(
            f"{path}: no transposed convolution and no convolution before a DepthToSpace with stored weights, "
            "so no phases to equalize."
        )
    node, scale, blocks_first = found
    weight = torch.from_numpy(numpy_helper.to_array(stored[node.input[1]]).copy())
    bias_name = node.input[2] if len(node.input) > 2 else ""
    before = weight.clone()
    features = None if constants is None else _run_to_node(model, node, constants)
    if node.op_type == "ConvTranspose":
        equalize_transposed_(weight, scale=scale, features=features, tolerance=tolerance)
    else:
        bias = torch.from_numpy(numpy_helper.to_array(stored[bias_name]).copy()) if bias_name in stored else None
        order = _order_as_pixel_shuffle(weight.shape[0], scale) if blocks_first else torch.arange(weight.shape[0])
        shuffled, shuffled_bias = weight[order], None if bias is None else bias[order]
        equalize_sub_pixel_(shuffled, shuffled_bias, scale=scale, features=features, tolerance=tolerance)
        weight[order] = shuffled
        if bias is not None and shuffled_bias is not None:
            bias[order] = shuffled_bias
            stored[bias_name].CopyFrom(numpy_helper.from_array(bias.numpy(), bias_name))
    stored[node.input[1]].CopyFrom(numpy_helper.from_array(weight.numpy(), node.input[1]))
    _forget_checksum(model, source=str(path))
    try:
        with replacing(Path(output), overwrite=overwrite) as temporary:
            temporary.write_bytes(model.SerializeToString())
    except OSError as error:
        raise ModelError(f"{output}: cannot be written ({error.strerror or error}). Choose another path.") from error
    return node.name or node.output[0], float((weight - before).norm() / before.norm().clamp_min(1e-12))


def _run_to_node(model: Any, node: Any, constants: NDArray[np.float32]) -> torch.Tensor:
    """Compute the input at the centre of a node for flat images, (L, channels)."""
    import onnx
    import onnxruntime

    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    name = node.input[0]
    if name == opened.graph.input[0].name:
        flat = constants
    else:
        del opened.graph.output[:]
        opened.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        session = onnxruntime.InferenceSession(opened.SerializeToString(), providers=["CPUExecutionProvider"])
        flat = session.run([name], {session.get_inputs()[0].name: constants})[0]
    return torch.from_numpy(flat[:, :, flat.shape[2] // 2, flat.shape[3] // 2].copy())


def _find_last_upsampling(graph: Any, stored: dict[str, Any]) -> tuple[Any, int, bool] | None:
    """Find the node, its scale, and whether its channels are ordered block first (DepthToSpace's DCR)."""
    makers = {name: node for node in graph.node for name in node.output}
    for node in reversed(graph.node):
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type == "ConvTranspose" and node.input[1] in stored:
            strides = list(attributes["strides"].ints) if "strides" in attributes else [1]
            grouped = "dilations" in attributes and max(attributes["dilations"].ints) > 1
            if len(strides) == 2 and strides[0] == strides[1] > 1 and not grouped:
                return node, strides[0], False
        if node.op_type == "DepthToSpace":
            maker = makers.get(node.input[0])
            while maker is not None and maker.op_type in _PASSING:
                maker = makers.get(maker.input[0])
            if maker is not None and maker.op_type == "Conv" and maker.input[1] in stored:
                mode = attributes["mode"].s.decode() if "mode" in attributes else "DCR"
                return maker, attributes["blocksize"].i, mode == "DCR"
    return None


def _order_as_pixel_shuffle(channels: int, scale: int) -> torch.Tensor:
    """Compute the positions of the channels of PixelShuffle among block-first channels."""
    blocks = np.arange(channels).reshape(scale, scale, channels // scale**2)
    return torch.from_numpy(blocks.transpose(2, 0, 1).reshape(-1).copy())


def _forget_checksum(model: Any, *, source: str) -> None:
    """Remove the checksum of the old weights from the descriptor."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            info = ModelInfo.from_metadata({METADATA_KEY: entry.value}, source=source)
            entry.value = dataclasses.replace(info, sha256="").to_metadata()[METADATA_KEY]
