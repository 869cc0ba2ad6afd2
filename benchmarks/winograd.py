"""Winograd's F(2x2, 3x3) as a rewrite of the graph: 4 multiply-adds in place of 9, and what the transforms cost.

    python benchmarks/winograd.py [--widths 32 48 64] [--layers 4] [--side 320] [--runs 9]

A chain of 3x3 convolutions of one width, without bias and activation, and the same with every convolution written as
three: a grouped one of stride 2 makes the 16 transformed samples of each 4x4 tile, one in 16 groups multiplies them
with the transformed kernels, a grouped one transforms 16 back to 4, which DepthToSpace puts in place (Lavin and Gray,
CVPR 2016, arXiv:1509.09308). Both run in ONNX Runtime in one thread, in turns; the lower quartile of CPU time counts,
and the largest difference of their results is printed.
"""

import argparse
import time
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]
INPUT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], dtype=np.float64)
KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=np.float64)
OUTPUT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], dtype=np.float64)


class Graph:
    """An ONNX graph of one chain of nodes."""

    def __init__(self, side: int) -> None:
        self.side = side  # of the features
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = "x"

    def add(self, kind: str, *constants: NDArray[Any], **attributes: Any) -> None:
        """Append a node that reads the last one and some constants."""
        names = [f"c{len(self.constants) + place}" for place in range(len(constants))]
        pairs = zip(names, constants, strict=True)
        self.constants += [numpy_helper.from_array(np.ascontiguousarray(each), name) for name, each in pairs]
        result = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.last, *names], [result], **attributes))
        self.last = result

    def swap(self, first: int, second: int) -> None:
        """Swap two factors of the channels of tiles, as ShuffleNet shuffles channels."""
        size = (self.side // 2, self.side // 2)
        self.add("Reshape", np.array([1, first, second, *size]))
        self.add("Transpose", perm=[0, 2, 1, 3, 4])
        self.add("Reshape", np.array([1, first * second, *size]))

    def open(self, width: int) -> onnxruntime.InferenceSession:
        """Load it into one thread of ONNX Runtime."""
        shape = [1, width, self.side, self.side]
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", self.last)]
        graph = helper.make_graph(self.nodes, "chain", ends[:1], ends[1:], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 48, 64])
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--side", type=int, default=320, help="of the features, even")
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    print("width  direct, ms  Winograd, ms  ratio  largest difference")
    for width in arguments.widths:
        rng = np.random.default_rng(0)
        deviation = np.sqrt(1 / (9 * width))
        kernels = [rng.normal(0, deviation, (width, width, 3, 3)) for _ in range(arguments.layers)]
        sessions = [build(kernels, side=arguments.side).open(width) for build in (make_direct, make_winograd)]
        x = rng.normal(size=(1, width, arguments.side, arguments.side)).astype(np.float32)
        first, second = (session.run(None, {"x": x})[0] for session in sessions)
        taken: list[list[float]] = [[], []]
        for _ in range(arguments.runs):
            for session, seconds in zip(sessions, taken, strict=True):
                begun = time.process_time()
                session.run(None, {"x": x})
                seconds.append(time.process_time() - begun)
        direct, winograd = (1e3 * float(np.percentile(seconds, 25)) for seconds in taken)
        difference = float(np.abs(first - second).max())
        print(f"{width:5}  {direct:10.0f}  {winograd:12.0f}  {winograd / direct:5.2f}  {difference:.1e}", flush=True)


def make_direct(kernels: list[NDArray[np.float64]], *, side: int) -> Graph:
    """Make a chain of 3x3 convolutions."""
    graph = Graph(side)
    for kernel in kernels:
        graph.add("Conv", kernel.astype(np.float32), pads=[1] * 4)
    return graph


def make_winograd(kernels: list[NDArray[np.float64]], *, side: int) -> Graph:
    """Make the same chain by transformed tiles."""
    graph = Graph(side)
    for kernel in kernels:
        width = len(kernel)
        forward = np.einsum("ra,sb->rsab", INPUT, INPUT).reshape(16, 1, 4, 4)
        graph.add("Conv", tile(forward, width), strides=[2, 2], pads=[1] * 4, group=width)
        graph.swap(width, 16)
        transformed = np.einsum("ra,oiab,sb->rsoi", KERNEL, kernel, KERNEL).reshape(16 * width, width, 1, 1)
        graph.add("Conv", transformed.astype(np.float32), group=16)
        graph.swap(16, width)
        back = np.einsum("ar,bs->abrs", OUTPUT, OUTPUT).reshape(4, 16, 1, 1)
        graph.add("Conv", tile(back, width), group=width)
        graph.add("DepthToSpace", blocksize=2, mode="CRD")
    return graph


def tile(weights: NDArray[np.float64], width: int) -> Array:
    """The same weights for every group."""
    return np.tile(weights, (width, 1, 1, 1)).astype(np.float32)


if __name__ == "__main__":
    main()
