"""One ONNX graph on one device, in float32 or in float16 with a guard."""

import logging
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.accelerators import GraphDevice
from kukkiri.inference.half_precision import Precision, convert_to_half, repair
from kukkiri.inference.sessions import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, RunOptions

__all__ = ["SINGLE_TILES", "TILES", "Batching", "GraphSession"]

Batch = NDArray[np.float32]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batching:
    """Tiles of one size, several in each run, as accelerators want them."""

    side: int
    """Longest side of a tile in pixels of the network's input."""
    pixels: int
    """Pixels of all tiles of a run."""

    def count(self, tile: tuple[int, int]) -> int:
        """Return the number of tiles of (height, width) in a run, at least one."""
        return max(1, self.pixels // (tile[0] * tile[1]))


TILES = Batching(side=512, pixels=2**20)
"""For every accelerator: activations of 64 channels then take 256 MB a layer. Not tuned on any."""
SINGLE_TILES = Batching(side=512, pixels=1)
"""For graphs that may not take several images in a run."""


class GraphSession:
    """A session that runs batches, one at a time on an accelerator."""

    def __init__(self, graph: Path | bytes, *, device: GraphDevice, threads: int, precision: Precision) -> None:
        """Open a graph.

        Args:
            graph: a file or its content.
            device: where it runs.
            threads: of the CPU; 0: ONNX Runtime's choice.
            precision: of weights and activations.

        Raises:
            BackendError: the device does not run the graph, or float16 needs a package.
            Exception: of ONNX Runtime or onnx, for a graph that cannot be read.
        """
        self._graph, self._device, self._threads = graph, device, threads
        self._half = precision == "float16"
        self.session: Any = open_session(
            convert_to_half(graph) if self._half else graph, device=device, threads=threads
        )
        self._full: Any = None  # in float32, opened when a result was not finite
        # DirectML allows one run at a time, and the others gain nothing from two
        self._alone = nullcontext() if device.accelerator is None else threading.Lock()
        self._opening = threading.Lock()

    @property
    def takes_batches(self) -> bool:
        """True when the number of images of a run is free."""
        return not isinstance(self.session.get_inputs()[0].shape[0], int)

    def open_reference(self) -> "InferenceSession":
        """Return a session of the graph in float32 on the CPU."""
        plain = self._device.accelerator is None and not self._half
        return self.session if plain else open_session(self._graph, device=GraphDevice("cpu"), threads=self._threads)

    def run(self, inputs: Mapping[str, Batch], options: "RunOptions | None" = None) -> Batch:
        """Compute the first output, (N, C, H, W); in float16, members that are not finite again in float32.

        Raises:
            Exception: of ONNX Runtime.
        """
        with self._alone:
            sr: Batch = self.session.run(None, dict(inputs), options)[0]
            if self._half:
                sr = np.require(sr, requirements="W")
                count = repair(sr, lambda mask: self._run_full({key: value[mask] for key, value in inputs.items()}))
                if count:
                    _LOG.info("%d of %d tiles overflowed in float16 and were computed in float32", count, len(sr))
        return sr

    def _run_full(self, inputs: Mapping[str, Batch]) -> Batch:
        with self._opening:
            if self._full is None:
                self._full = open_session(self._graph, device=self._device, threads=self._threads)
        sr: Batch = self._full.run(None, dict(inputs))[0]
        return sr
