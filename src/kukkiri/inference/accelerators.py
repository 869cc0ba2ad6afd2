"""Devices that ONNX Runtime computes on by the name that a user gives, and the packages that bring them.

Nothing here imports ONNX Runtime; :mod:`kukkiri.inference.sessions` opens a session on a device.
"""

import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["ACCELERATORS", "AUTOMATIC", "CPU_PROVIDER", "Accelerator", "GraphDevice", "list_runtimes", "parse_device"]

CPU_PROVIDER = "CPUExecutionProvider"


@dataclass(frozen=True)
class Accelerator:
    """One kind of device, and ONNX Runtime's execution provider for it."""

    provider: str
    package: str
    """Distribution with a build of ONNX Runtime that has the provider."""
    plugin: str | None = None
    """Module that adds the provider to an ordinary ONNX Runtime, where there is one."""
    parts: str = r"\d+"
    """Pattern of what may follow the name after a colon; empty: nothing."""
    part_option: str = "device_id"
    """The provider's option that takes it."""
    first_part: str = "0"
    """The part when none is given."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The provider's further options."""
    further: tuple[str, ...] = ()
    """Providers that may compute what this one leaves, before the CPU."""


ACCELERATORS: Mapping[str, Accelerator] = MappingProxyType(
    {
        # Without TF32, whose products have 10 bits of mantissa; and no search among algorithms for every size.
        "cuda": Accelerator(
            "CUDAExecutionProvider",
            "onnxruntime-gpu",
            options=MappingProxyType({"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}),
        ),
        "tensorrt": Accelerator("TensorrtExecutionProvider", "onnxruntime-gpu", further=("CUDAExecutionProvider",)),
        "directml": Accelerator("DmlExecutionProvider", "onnxruntime-directml"),
        "coreml": Accelerator(
            "CoreMLExecutionProvider", "onnxruntime", parts="", options=MappingProxyType({"ModelFormat": "MLProgram"})
        ),
        # ACCURACY keeps the graph's float32, which OpenVINO otherwise computes in float16 on a GPU.
        "openvino": Accelerator(
            "OpenVINOExecutionProvider",
            "onnxruntime-openvino",
            parts="CPU|GPU|NPU",
            part_option="device_type",
            first_part="CPU",
            options=MappingProxyType({"precision": "ACCURACY"}),
        ),
        "webgpu": Accelerator(
            "WebGpuExecutionProvider", "onnxruntime-webgpu", plugin="onnxruntime_ep_webgpu", parts=""
        ),
    }
)
"""Every kind of device beside the CPU."""
AUTOMATIC = ("cuda", "directml", "coreml", "webgpu", "openvino:GPU")
"""Devices that ``auto`` tries in this order; TensorRT, which compiles for minutes, has to be named."""
_RUNTIMES = (
    "onnxruntime",
    *sorted({each.package for each in ACCELERATORS.values()} - {"onnxruntime"}),
    "onnxruntime-migraphx",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-training",
)


@dataclass(frozen=True)
class GraphDevice:
    """A device for ONNX graphs."""

    kind: str
    """``cpu``, or a key of :data:`ACCELERATORS`."""
    part: str = ""
    """Number of a GPU, or kind of device within OpenVINO."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.part}" if self.part else self.kind

    @property
    def accelerator(self) -> Accelerator | None:
        """``None`` for the CPU."""
        return ACCELERATORS.get(self.kind)

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of the execution provider."""
        return CPU_PROVIDER if self.accelerator is None else self.accelerator.provider

    @property
    def options(self) -> dict[str, str]:
        """Options of the execution provider."""
        found = self.accelerator
        if found is None:
            return {}
        return {**found.options, **({found.part_option: self.part or found.first_part} if found.parts else {})}

    @property
    def remedy(self) -> str:
        """The sentences for a user whose ONNX Runtime does not have the provider."""
        found = self.accelerator
        if found is None:
            return "Install onnxruntime again."
        installed = [name for name in list_runtimes() if name != found.package]
        if found.package == "onnxruntime":
            return "It is for macOS. Use another device, or --device cpu."
        if found.plugin and installed == ["onnxruntime"]:
            return f"Run: pip install {found.plugin.replace('_', '-')}; or use --device cpu."
        removing = f"pip uninstall -y {' '.join(installed)}, then " if installed else ""
        return (
            f"Run: {removing}pip install {found.package} (only one onnxruntime package may be installed at a time); "
            "or use --device cpu."
        )


def parse_device(name: str) -> GraphDevice:
    """Read the name of a device: ``cpu``, ``cuda``, ``cuda:1``, ``openvino:GPU``; ``auto`` is not resolved here.

    Raises:
        ConfigError: no device of that name runs ONNX graphs.
    """
    kind, colon, part = name.partition(":")
    if name == "cpu":
        return GraphDevice("cpu")
    if kind == "mps":
        raise ConfigError("the device mps is for torch weights (.safetensors, .pth). For an ONNX graph use coreml.")
    found = ACCELERATORS.get(kind)
    if found is None:
        known = ("auto", "cpu", *ACCELERATORS)
        raise ConfigError(f"unknown device {name!r}{did_you_mean(kind, known)}")
    if colon and not re.fullmatch(found.parts or r"(?!)", part):
        expected = f"{kind}:{found.first_part}" if found.parts else kind
        raise ConfigError(f"unknown device {name!r}. Expected {kind} or such as {expected}.")
    return GraphDevice(kind, part)


def list_runtimes() -> list[str]:
    """List the installed distributions that bring ONNX Runtime; two of them overwrite each other's files."""
    found = []
    for name in _RUNTIMES:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append(name)
    return found
