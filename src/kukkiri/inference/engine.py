"""Engines: one class with one method, from a batch of LR planes to a batch of SR planes."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import BackendError, ModelError
from kukkiri.inference.graph_interpolation import Toward, interpolate_graphs
from kukkiri.inference.graph_session import SINGLE_TILES, TILES, Batching, GraphSession
from kukkiri.inference.half_precision import Precision
from kukkiri.inference.sessions import resolve_graph_device
from kukkiri.info import METADATA_KEY, ModelInfo

__all__ = ["Engine", "Footprint", "OnnxEngine", "count_usable_threads"]

Batch = NDArray[np.float32]

MEMORY_KEY = "kukkiri_memory"
"""Metadata entry of an ONNX file with its footprint, written by ``kukkiri.checkpoints.export_onnx``."""
_SAFETY = 2.0
_UNKNOWN_WIDTH = 64
_SHRINK_FROM = 2**30


@dataclass(frozen=True)
class Footprint:
    """Memory that a network needs beside its weights, as a function of its input's pixels (H x W, batch 1).

    The coefficients are the largest sum of activations alive at one time, from the graph. What ONNX Runtime
    really takes was measured as the growth of the resident set at 540x960: 0.9 times that for ESPCN, 1.8 for
    FSRCNN (copies into its blocked layout around each PReLU), 1.5 for RRDBNet; so an estimate counts 2.0.
    """

    linear: float
    """Bytes for each input pixel."""
    quadratic: float = 0.0
    """Bytes for each input pixel squared: networks that compare every pixel with every other."""

    def bytes(self, pixels: int) -> int:
        """Estimated bytes for an input of ``pixels`` pixels."""
        return int(_SAFETY * (self.linear * pixels + self.quadratic * pixels**2))

    @classmethod
    def unknown(cls, info: ModelInfo) -> "Footprint":
        """A cautious guess for a graph that does not say: three maps of 64 channels at the output's size."""
        scale = 1 if info.pre_upsampled else info.scale
        return cls(linear=3.0 * 4 * _UNKNOWN_WIDTH * scale**2)


@runtime_checkable
class Engine(Protocol):
    """A network that an upscaler can run, on whatever library computes it."""

    @property
    def info(self) -> ModelInfo:
        """The descriptor."""

    @property
    def footprint(self) -> Footprint:
        """The memory that it needs."""

    def run(self, batch: Batch) -> Batch:
        """Map lr (N, C, H, W) to sr (N, C, scale*H, scale*W), float32, nominally [0, 1], not clamped.

        H and W are multiples of ``info.multiple``; a pre-upsampled network keeps them.
        """


class OnnxEngine:
    """A network in an ONNX file, run by ONNX Runtime, on the CPU in float32 unless asked otherwise.

    The memory pattern is off: it keeps a second copy of all activations and gains nothing in time (measured).
    """

    batching: Batching | None = None
    """The way in which tiles are run together on an accelerator; ``None``: one by one, or the whole image."""

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        threads: int | None = None,
        value_range: float | None = None,
        toward: Toward | None = None,
        device: str | None = None,
        precision: Precision = "float32",
    ) -> None:
        """Load a graph.

        Args:
            path: an ``.onnx`` file, written by kukkiri or foreign with one dynamic (N, C, H, W) input.
            threads: of one run; by default one for each core that this process may use.
            value_range: white in the units of a foreign graph, 255 or 1; by default it is found by probing.
            toward: a second file of the same graph, towards whose weights those of the first are interpolated.
            device: ``cpu`` (by default), an accelerator such as ``cuda``, ``cuda:1``, ``directml`` or ``openvino:GPU``,
                see :mod:`kukkiri.inference.accelerators`, or ``auto``.
            precision: of weights and activations; ``float16`` needs the package onnx, and computes tiles in which it
                overflows again in float32.

        Raises:
            ModelError: the file is missing, damaged, or not an upscaling network, or the two graphs differ.
            BackendError: ONNX Runtime is not installed, or the device is not there or does not take the graph.
            ConfigError: an unknown device.
        """
        self.path = Path(path)
        self._threads, self._toward, self._precision = threads, toward, precision
        try:
            import onnxruntime
        except ImportError as error:
            raise BackendError(
                f"ONNX Runtime does not load ({error}). Install it with: pip install onnxruntime."
            ) from error
        target = resolve_graph_device(device)
        self.device = str(target)
        """The device that it runs on: ``cpu``, ``cuda:1``."""
        if not self.path.is_file():
            raise ModelError(f"{self.path}: no such file. Check the path.")
        mixed = None if toward is None else interpolate_graphs(self.path, toward)
        graph = self.path if mixed is None else mixed.content
        try:
            self._graph = GraphSession(graph, device=target, threads=threads or _chosen_threads(), precision=precision)
        except BackendError:
            raise
        except Exception as error:  # ONNX Runtime's errors have no public base class
            raise ModelError(f"{self.path}: {_write_unreadable(self.path, str(error))}") from error
        session = self._graph.session
        self._inputs = [each.name for each in session.get_inputs()]
        self._frugal = onnxruntime.RunOptions()
        self._frugal.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        metadata = session.get_modelmeta().custom_metadata_map
        if target.accelerator is not None:  # graphs of others were not verified with several images in a run
            self.batching = TILES if METADATA_KEY in metadata and self._graph.takes_batches else SINGLE_TILES
        self._asked_range = value_range
        if METADATA_KEY in metadata:
            own = ModelInfo.from_metadata(metadata, source=str(self.path))
            self.info = mixed.info if mixed is not None and mixed.info is not None else own
            self._range, self.keeps_grey = 1.0, True
            if len(self._inputs) != 1 + (self.info.condition is not None):
                raise ModelError(f"{self.path}: its inputs are not those that its descriptor tells. Export it again.")
            if value_range not in (None, 1):
                raise ModelError(f"{self.path}: was written for 0 to 1, but white {value_range:g} was asked. Drop it.")
        else:
            from kukkiri.inference.probing import probe

            found = probe(self._graph.open_reference(), source=self.path, value_range=value_range)
            self.info, self._range, self.keeps_grey = found.info, found.value_range, found.keeps_grey
        self.footprint = _read_footprint(metadata, self.info, source=str(self.path))

    def run(self, batch: Batch) -> Batch:
        """Map lr to sr, see :class:`Engine`.

        Raises:
            BackendError: ONNX Runtime failed, such as for lack of memory.
        """
        return self._run(batch)

    def run_conditioned(self, batch: Batch, condition: Batch) -> Batch:
        """Map lr and its condition (N, length) to sr; raises as :meth:`run`."""
        return self._run(batch, condition)

    def _run(self, batch: Batch, *conditions: Batch) -> Batch:
        *_, height, width = batch.shape
        large = self.footprint.bytes(height * width) > _SHRINK_FROM  # then the arena is given back after the run
        try:
            white = np.float32(self._range)
            lr = batch if white == 1 else batch * white
            inputs = dict(zip(self._inputs, (lr, *conditions), strict=True))
            result = self._graph.run(inputs, self._frugal if large and self.device == "cpu" else None)
        except Exception as error:  # ONNX Runtime's errors have no public base class
            raise BackendError(
                f"{self.info.name}: ONNX Runtime failed at {height}x{width}: {_first_line(error)}. "
                "If memory ran out, use smaller tiles."
            ) from error
        sr: Batch = result if white == 1 else result / white
        return sr

    def __reduce__(self) -> "tuple[Callable[..., OnnxEngine], tuple[object, ...]]":
        again = partial(
            OnnxEngine,
            threads=self._threads,
            value_range=self._asked_range,
            toward=self._toward,
            device=self.device,
            precision=self._precision,
        )
        return again, (self.path.absolute(),)


def _read_footprint(metadata: dict[str, str], info: ModelInfo, *, source: str) -> Footprint:
    text = metadata.get(MEMORY_KEY)
    if text is None:
        return Footprint.unknown(info)
    try:
        values: Any = json.loads(text)
        return Footprint(linear=float(values["linear"]), quadratic=float(values["quadratic"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{source}: its {MEMORY_KEY} entry is damaged ({error}). Export it again.") from error


def count_usable_threads() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chosen_threads() -> int:
    """0, ONNX Runtime's own choice, when this process may use all cores."""
    usable = count_usable_threads()
    return 0 if usable == os.cpu_count() else usable


def _write_unreadable(path: Path, error: str) -> str:
    """Write why ONNX Runtime cannot load a file, in words of ours."""
    operator = re.search(
        r"No Op registered for (\w+)|(?:NOT_IMPLEMENTED|not find an implementation for) *:? *(\w+)", error
    )
    if operator:
        return (
            f"an ONNX graph with the operator {operator[1] or operator[2]}, which this ONNX Runtime does not have. "
            "Update onnxruntime, or export the model with common operators."
        )
    if re.search(r"IR version|opset", error, re.IGNORECASE):
        return "an ONNX graph of a newer format than this ONNX Runtime reads. Update onnxruntime."
    external = re.search(r"([\w.\-]+\.(?:data|bin|weights?))\b", error)
    if external and not path.with_name(external[1]).is_file():
        return f"an ONNX graph whose weights lie in {external[1]}, which is not beside it. Copy both files."
    return f"not a readable ONNX graph (it is damaged, or no ONNX at all; {path.stat().st_size} bytes). Get it again."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
