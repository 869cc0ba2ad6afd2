"""ONNX Runtime sessions on a device, verified: a graph that was to run on an accelerator is never left to the CPU."""

import importlib
import logging
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kukkiri.errors import BackendError
from kukkiri.inference.accelerators import (
    AUTOMATIC,
    CPU_PROVIDER,
    Accelerator,
    GraphDevice,
    list_runtimes,
    parse_device,
)

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["TINY_GRAPH", "Assignment", "has_provider", "open_session", "read_assignment", "resolve_graph_device"]

_LOG = logging.getLogger(__name__)
_HEAVY = ("conv", "matmul", "gemm")
"""Parts of the names of the operators that take the time."""
_ADVICE = "Check its driver, see kukkiri doctor; or use --device cpu."
_REGISTERING = threading.Lock()
_REGISTERED: set[str] = set()

# y = Conv(x, w), x (1, 1, 2, 2), w of 1x1 and 2.0: opset 13, made with onnx.helper.
TINY_GRAPH = bytes.fromhex(
    "080712003a630a0f0a01780a01771201792204436f6e761201672a13080108010801080110012204000000404201775a1b0a0178"
    "12160a14080112100a0208010a0208010a0208020a020802621b0a017912160a14080112100a0208010a0208010a0208020a0208"
    "0242040a00100d"
)
"""A convolution that doubles an image of 2x2 pixels."""


class Assignment(NamedTuple):
    """The layers of a graph by the place where they run; convolutions and products, where it has any."""

    there: int
    """Run on the device that was asked for."""
    elsewhere: int
    """Run on the CPU, or on another device."""


def resolve_graph_device(name: str | None) -> GraphDevice:
    """Return the device of a name; ``auto`` is the first accelerator that runs here, else the CPU.

    Raises:
        ConfigError: no device of that name runs ONNX graphs.
    """
    return _find_accelerator() if name == "auto" else parse_device(name or "cpu")


@lru_cache(maxsize=1)
def _find_accelerator() -> GraphDevice:
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)  # what is not there is no problem of the user's
    try:
        return _try_accelerators()
    finally:
        onnxruntime.set_default_logger_severity(2)  # ONNX Runtime's own setting


def _try_accelerators() -> GraphDevice:
    for name in AUTOMATIC:
        device = parse_device(name)
        try:
            if has_provider(device):
                open_session(TINY_GRAPH, device=device, threads=1)
                return device
        except BackendError as error:
            _LOG.info("%s: %s", name, error)
    return GraphDevice("cpu")


def has_provider(device: GraphDevice) -> bool:
    """Return True when the installed ONNX Runtime, or a plug-in beside it, has the provider of a device."""
    import onnxruntime

    accelerator = device.accelerator
    if device.provider in onnxruntime.get_available_providers():
        return True
    return accelerator is not None and accelerator.plugin is not None and _find_plugin(accelerator.plugin) is not None


def open_session(graph: Path | bytes, *, device: GraphDevice, threads: int) -> "InferenceSession":
    """Open a session that computes a graph on a device, and check that it does.

    Args:
        graph: a file or its content.
        device: where it shall run.
        threads: for what runs on the CPU; 0: ONNX Runtime's choice.

    Returns:
        An ``onnxruntime.InferenceSession``, which does not fall back to the CPU later either.

    Raises:
        BackendError: the device is not there, or the graph would run on the CPU instead; the message says what to do.
        Exception: of ONNX Runtime, for a graph that it cannot read.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False  # needed by DirectML, and no gain on the CPU
    options.log_severity_level = 3
    accelerator = device.accelerator
    if accelerator is None:
        return onnxruntime.InferenceSession(graph, options, providers=[CPU_PROVIDER])
    _require_provider(device)
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    providers = _choose_providers(device, accelerator, options)
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's errors have no public base class
        onnxruntime.InferenceSession(graph, providers=[CPU_PROVIDER])  # raises when the graph is to blame
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise BackendError(f"the device {device} does not run here ({reason}). {_ADVICE}") from error
    session.disable_fallback()
    _verify(session, device)
    return session


def _require_provider(device: GraphDevice) -> None:
    import onnxruntime

    runtimes = list_runtimes()
    if not has_provider(device):
        several = f" of {' and '.join(runtimes)}, of which one overwrites the other" if len(runtimes) > 1 else ""
        found = ", ".join(onnxruntime.get_available_providers())
        raise BackendError(f"no {device.provider} here (only {found}{several}). {device.remedy}")


def _choose_providers(device: GraphDevice, accelerator: Accelerator, options: Any) -> list[Any] | None:
    """The providers of a session in their order; ``None`` when a plug-in's device was added to the options instead."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if device.provider in available:
        further = [name for name in accelerator.further if name in available]
        return [(device.provider, device.options), *further, CPU_PROVIDER]
    devices = [] if accelerator.plugin is None else _list_plugin_devices(accelerator.plugin, device.provider)
    if not devices:
        raise BackendError(f"the plug-in {accelerator.plugin} finds no device for {device} here. {_ADVICE}")
    options.add_provider_for_devices(devices[:1], {})
    return None


def _find_plugin(module: str) -> Any | None:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _list_plugin_devices(module: str, provider: str) -> list[Any]:
    """The devices of a plug-in, which is registered once in a process."""
    import onnxruntime

    plugin = _find_plugin(module)
    if plugin is None or not hasattr(onnxruntime, "register_execution_provider_library"):
        return []
    with _REGISTERING:
        if module not in _REGISTERED:
            onnxruntime.register_execution_provider_library(provider, plugin.get_library_path())
            _REGISTERED.add(module)
    return [each for each in onnxruntime.get_ep_devices() if each.ep_name == provider]


def read_assignment(session: "InferenceSession", provider: str) -> Assignment | None:
    """Read the layers that a provider computes; ``None`` before ONNX Runtime 1.24, which does not tell."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return None
    nodes = [
        (part.ep_name, node.op_type)
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    ]
    heavy = [each for each in nodes if any(word in each[1].lower() for word in _HEAVY)] or nodes
    there = sum(name == provider for name, _ in heavy)
    return Assignment(there, len(heavy) - there)


def _verify(session: Any, device: GraphDevice) -> None:
    """Check that a session runs where it was asked to."""
    running = session.get_providers()
    if device.provider not in running:
        raise BackendError(
            f"the device {device} does not run here: ONNX Runtime has {device.provider}, but fell back to "
            f"{', '.join(running)}, as it does when a driver or library is missing. {_ADVICE}"
        )
    layers = read_assignment(session, device.provider)
    if layers is None:
        return
    if not layers.there:
        raise BackendError(
            f"the device {device} takes none of this network's {layers.elsewhere} convolutions and products, so that "
            "the CPU would compute them all. Use --device cpu, or another device."
        )
    if layers.elsewhere:
        _LOG.warning("%d of %d convolutions and products do not run on %s", layers.elsewhere, sum(layers), device)
