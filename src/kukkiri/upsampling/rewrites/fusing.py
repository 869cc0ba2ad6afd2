"""Application of the exact rewrites that are faster on an engine.

The rule comes from ``benchmarks/upsampling.py`` (one thread of an AVX2 CPU, 128x128 LR pixels; the table is in
docs/results/upsampling-costs.md). A rewrite is applied where it gained a tenth or more in all measured cases of its
kind (nearest with 64 channels in torch: 1.37, 1.03 and 1.92 times at 96, 128 and 256 pixels):

======================  =====================================  ======================================
rewritten               torch                                  ONNX Runtime
======================  =====================================  ======================================
parallel branches       always                                 always
conv, then conv         with 1.2 times fewer multiplications, or 2 times fewer where borders need care
nearest, then conv      at most 4 output channels, or a kernel of 5 and more
                        or 64 and more inputs to outputs       or 64 and more inputs to outputs
bilinear, then conv     at most 4 output channels              at most 4 output channels
transposed              at most 4 output channels,             at least 16 output channels,
                        kernel >= 2 scale                      kernel >= 3 scale
======================  =====================================  ======================================

Sub-pixel to transposed convolution is not applied: it is always slower in torch, and in ONNX Runtime faster only at x2
and x3 to a single channel.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import torch
from torch import fx, nn
from torch.nn import functional

from kukkiri.upsampling.layers import ResizeConv, SameConv2d, Upsampler
from kukkiri.upsampling.rewrites.merge import FixedFilter, ParallelBranches, merge_branches, merge_convolutions
from kukkiri.upsampling.rewrites.phases import PhaseConv, transposed_to_sub_pixel
from kukkiri.upsampling.rewrites.resize_conv import (
    ExactBorder,
    bilinear_to_sub_pixel,
    nearest_to_sub_pixel,
    resize_to_sub_pixel,
)

__all__ = ["Engine", "optimize"]

Engine = Literal["onnxruntime", "torch"]
"""Engines that can run a module."""

_FEW = 4  # output channels of a last layer: luma, colour, or colour and alpha
_ATTRIBUTES = ("scale", "colour", "value_range", "receptive_field", "multiple", "pre_upsampled", "channels")


def optimize(module: nn.Module, *, engine: Engine = "onnxruntime") -> tuple[nn.Module, list[str]]:
    """Rewrite a module for inference; the numbers stay the same to rounding (1e-5 in float32).

    Layers are found in the tree of modules and, where ``torch.fx`` can trace the network, also between calls
    (``interpolate`` followed by a convolution). In a network that cannot be traced, such calls are not rewritten.

    Args:
        module: a network or a layer; it is not changed. The result is in evaluation mode.
        engine: the engine that will run it.

    Returns:
        The rewritten copy, and a sentence for each rewrite; a plain copy and an empty list where no rewrite is faster.
        The copy has the attributes of the module (scale, colour, ...); its state dict has other keys.

    Raises:
        ValueError: an unknown engine.
    """
    if engine not in get_args(Engine):
        raise ValueError(f"unknown engine {engine!r}; known: {', '.join(get_args(Engine))}")
    done: list[str] = []
    result = copy.deepcopy(module).eval()
    with torch.no_grad():
        replaced = _rewrite_leaf(result, engine)
        if replaced is not None:
            return replaced[0].eval(), [replaced[1]]
        _rewrite_tree(result, engine, "", done)
        result = _rewrite_calls(result, engine, done)
    return result.eval(), done


def _rewrite_tree(parent: nn.Module, engine: Engine, prefix: str, done: list[str]) -> None:
    """Replace single layers, from the outside in."""
    for name, child in list(parent.named_children()):
        path = f"{prefix}{name}"
        replaced = _rewrite_leaf(child, engine)
        if replaced is None:
            _rewrite_tree(child, engine, f"{path}.", done)
        else:
            setattr(parent, name, replaced[0])
            done.append(f"{path}: {replaced[1]}")


def _rewrite_leaf(layer: nn.Module, engine: Engine) -> tuple[nn.Module, str] | None:
    """Make a faster module for a layer, with its description; ``None``: there is none."""
    if isinstance(layer, ParallelBranches):
        merged = _merge_parallel(layer)
        return None if merged is None else (merged, f"{len(layer.branches)} parallel branches as one convolution")
    if isinstance(layer, ResizeConv) and _pays_resized(layer.conv, mode=layer.mode):
        return resize_to_sub_pixel(layer), f"{layer.mode} x{layer.scale} + convolution as sub-pixel convolution"
    transposed = layer.conv if isinstance(layer, Upsampler) else layer
    if isinstance(transposed, nn.ConvTranspose2d) and _pays_transposed(transposed, engine):
        stride = transposed.stride[0]
        return transposed_to_sub_pixel(transposed), f"transposed convolution x{stride} as sub-pixel convolution"
    return None


def _merge_parallel(block: ParallelBranches) -> nn.Module | None:
    """Merge parallel branches; ``None``: they are of another kind."""
    inputs = {
        branch.in_channels if isinstance(branch, nn.Conv2d) else len(branch.bias)
        for branch in block.modules()
        if isinstance(branch, nn.Conv2d | FixedFilter)
    }
    for channels in sorted(inputs):  # an inner layer of a branch may be wider than the block's input
        try:
            return merge_branches(block.branches, channels=channels)
        except (ValueError, RuntimeError):
            continue
    return None


def _pays_transposed(layer: nn.ConvTranspose2d, engine: Engine) -> bool:
    scale = layer.stride[0]
    if layer.stride[0] != layer.stride[1] or scale < 2:
        return False
    least = min(layer.kernel_size)
    if engine == "torch":
        return layer.out_channels <= _FEW and least >= 2 * scale
    return layer.out_channels >= 16 and least >= 3 * scale


def _pays_resized(conv: nn.Conv2d, *, mode: str) -> bool:
    if conv.out_channels <= _FEW:
        return True
    return mode == "nearest" and (min(conv.kernel_size) >= 5 or min(conv.in_channels, conv.out_channels) >= 64)


def _pays_merged(first: nn.Conv2d, second: nn.Conv2d) -> bool:
    """Compare the multiplications of one output pixel, where both strides are 1."""
    if first.groups != 1 or second.groups != 1 or first.stride != (1, 1) or second.stride != (1, 1):
        return False
    taps = [conv.kernel_size[0] * conv.kernel_size[1] for conv in (first, second)]
    apart = taps[0] * first.in_channels * first.out_channels + taps[1] * second.in_channels * second.out_channels
    sides = [a + b - 1 for a, b in zip(first.kernel_size, second.kernel_size, strict=True)]
    together = sides[0] * sides[1] * first.in_channels * second.out_channels
    return apart >= (1.2 if second.padding == (0, 0) else 2.0) * together


class _Tracer(fx.Tracer):
    """Tracer that does not look into layers of this package."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        whole = isinstance(m, Upsampler | SameConv2d | PhaseConv | ExactBorder | ParallelBranches)
        return whole or super().is_leaf_module(m, module_qualified_name)


def _rewrite_calls(module: nn.Module, engine: Engine, done: list[str]) -> nn.Module:
    """Rewrite interpolation + convolution and convolution + convolution between calls, found by tracing."""
    try:
        graph = _Tracer().trace(module)
    except Exception:  # tracing runs the network's own code on proxies, which may fail in any way
        return module
    before = len(done)
    traced = fx.GraphModule(module, graph, class_name=type(module).__name__)
    for first, second in list(_find_pairs(traced)):
        if first.graph is not graph or second.graph is not graph or first not in second.all_input_nodes:
            continue
        conv = traced.get_submodule(str(second.target))
        replaced = _rewrite_pair(traced, first, conv) if isinstance(conv, nn.Conv2d) else None
        if replaced is None:
            continue
        name = f"{second.target}_rewritten".replace(".", "_")
        while hasattr(traced, name):
            name += "_"
        traced.add_submodule(name, replaced[0])
        with graph.inserting_before(second):
            node = graph.call_module(name, (first.args[0],))
        second.replace_all_uses_with(node)
        graph.erase_node(second)
        graph.erase_node(first)
        done.append(f"{second.target}: {replaced[1]}")
    if len(done) == before:
        return module
    traced.delete_all_unused_submodules()
    traced.recompile()
    for attribute in _ATTRIBUTES:
        if hasattr(module, attribute):
            setattr(traced, attribute, getattr(module, attribute))
    return traced


def _find_pairs(traced: fx.GraphModule) -> Iterator[tuple[fx.Node, fx.Node]]:
    """Yield each call whose only reader is the call of a module, and that reader."""
    for node in traced.graph.nodes:
        readers = list(node.users)
        if len(readers) == 1 and readers[0].op == "call_module" and len(node.args) > 0:
            yield node, readers[0]


def _rewrite_pair(traced: fx.GraphModule, first: fx.Node, conv: nn.Conv2d) -> tuple[nn.Module, str] | None:
    """Make a faster module for a call and the convolution behind it; ``None``: there is none."""
    padded_otherwise = conv.padding_mode != "zeros" or isinstance(conv.padding, str)
    if padded_otherwise or conv.stride != (1, 1) or isinstance(conv, SameConv2d):
        return None
    layer = traced.get_submodule(str(first.target)) if first.op == "call_module" else None
    if isinstance(layer, nn.Conv2d) and not isinstance(layer, SameConv2d):
        if not _pays_merged(layer, conv):
            return None
        try:
            return merge_convolutions(layer, conv), "two convolutions as one"
        except ValueError:
            return None
    found = _find_upscaling(first, layer)
    if found is None or not _pays_resized(conv, mode=found[0]):
        return None
    rewrite: Callable[..., nn.Module] = nearest_to_sub_pixel if found[0] == "nearest" else bilinear_to_sub_pixel
    return rewrite(conv, scale=found[1]), f"{found[0]} x{found[1]} + convolution as sub-pixel convolution"


def _find_upscaling(node: fx.Node, layer: nn.Module | None) -> tuple[str, int] | None:
    """Find the mode and the integer scale of a call that interpolates; ``None``: it does not."""
    options: dict[str, Any]
    if isinstance(layer, nn.Upsample):
        options = {key: getattr(layer, key) for key in ("size", "scale_factor", "mode", "align_corners")}
    elif node.op == "call_function" and node.target is functional.interpolate:
        names = ("input", "size", "scale_factor", "mode", "align_corners")
        options = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
    else:
        return None
    factor = options.get("scale_factor")
    if isinstance(factor, tuple) and len(set(factor)) == 1:
        factor = factor[0]
    whole = isinstance(factor, int | float) and float(factor).is_integer() and factor >= 1
    mode = options.get("mode", "nearest")
    if options.get("size") is not None or not whole or mode not in ("nearest", "bilinear"):
        return None
    if options.get("align_corners") or options.get("antialias"):
        return None
    return mode, int(factor)  # type: ignore[arg-type]
