"""ONNX Runtime's execution providers that really run here: each is given a tiny graph."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Provider", "try_providers"]

# y = Conv(x, w), x (1, 1, 2, 2), w of 1x1 and 2.0: opset 13, made with onnx.helper.
_GRAPH = bytes.fromhex(
    "080712003a630a0f0a01780a01771201792204436f6e761201672a13080108010801080110012204000000404201775a1b0a0178"
    "12160a14080112100a0208010a0208010a0208020a020802621b0a017912160a14080112100a0208010a0208010a0208020a0208"
    "0242040a00100d"
)


@dataclass(frozen=True)
class Provider:
    """One execution provider of the installed ONNX Runtime."""

    name: str
    """Such as ``CPUExecutionProvider``."""
    runs: bool
    """It computed a convolution by itself, and the result was right."""
    reason: str = ""
    """The reason why it does not run."""


def try_providers() -> list[Provider]:
    """Try every provider that the installed ONNX Runtime was built with; empty when it is not installed.

    This tells a provider that runs from one that is only listed, because its driver or libraries are missing.
    """
    try:
        import onnxruntime
    except ImportError:
        return []
    return [_try(name) for name in onnxruntime.get_available_providers()]


def _try(name: str) -> Provider:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if name != "CPUExecutionProvider":  # an error instead of a silent fallback
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    try:
        session = onnxruntime.InferenceSession(_GRAPH, options, providers=[name])
        (y,) = session.run(None, {"x": x})
    except Exception as error:  # ONNX Runtime's errors have no public base class
        if "fallback to CPU EP has been explicitly disabled" in str(error):
            return Provider(name, runs=False, reason="leaves networks to the CPU; nothing to do")
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return Provider(name, runs=False, reason=lines[0][:200])
    if session.get_providers()[0] != name:
        return Provider(name, runs=False, reason=f"listed, but ONNX Runtime fell back to {session.get_providers()[0]}")
    if not np.array_equal(y, 2 * x):
        return Provider(name, runs=False, reason="computed a wrong result")
    return Provider(name, runs=True)
