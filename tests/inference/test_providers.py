import numpy as np
import onnxruntime
import pytest

from kukkiri.errors import BackendError
from kukkiri.inference import providers as providers_module
from kukkiri.inference import try_providers


def test_the_cpu_always_runs():
    found = {provider.name: provider for provider in try_providers()}
    assert set(found) == set(onnxruntime.get_available_providers())
    cpu = found["CPUExecutionProvider"]
    assert (cpu.runs, cpu.reason, cpu.device, cpu.difference) == (True, "", "cpu", 0)
    assert cpu.opening > 0
    assert cpu.seconds > 0


def test_a_provider_of_another_kind_is_listed_as_unused():
    found = {provider.name: provider for provider in try_providers()}
    azure = found.get("AzureExecutionProvider")  # part of the ordinary build
    if azure is None:
        pytest.skip("this ONNX Runtime is another build")
    assert (azure.runs, azure.reason) == (False, "not used by kukkiri")


class Session:
    """A session on a device that computes something else, or nothing."""

    def __init__(self, real, error):
        self._real, self._error = real, error

    def get_inputs(self):
        return self._real.get_inputs()

    def run(self, names, feed):
        (sr,) = self._real.run(names, feed)
        return [sr + np.float32(self._error)]


@pytest.mark.parametrize(
    ("error", "runs", "reason"),
    [
        (1e-5, True, ""),
        (0.02, False, "its result differs from the CPU's by 0.02 of the range"),
        (np.nan, False, "its result differs from the CPU's by nan of the range"),
    ],
)
def test_a_device_is_compared_with_the_cpu(monkeypatch, error, runs, reason):
    monkeypatch.setattr(providers_module, "has_provider", lambda device: device.kind == "cuda")
    real = providers_module.open_session

    def open_session(graph, *, device, threads):
        session = real(graph, device=providers_module.GraphDevice("cpu"), threads=threads)
        return session if device.kind == "cpu" else Session(session, error)

    monkeypatch.setattr(providers_module, "open_session", open_session)
    cuda = next(provider for provider in try_providers() if provider.device == "cuda")
    assert (cuda.runs, cuda.reason, cuda.layers) == (runs, reason, None)
    assert np.isnan(error) or cuda.difference == pytest.approx(error, rel=0.05)


def test_a_provider_that_only_is_listed_is_told_apart(monkeypatch):
    monkeypatch.setattr(providers_module, "has_provider", lambda device: device.kind == "directml")
    real = providers_module.open_session

    def open_session(graph, *, device, threads):
        if device.kind == "directml":
            raise BackendError("the device directml does not run here: no driver. Check its driver.")
        return real(graph, device=device, threads=threads)

    monkeypatch.setattr(providers_module, "open_session", open_session)
    missing = next(provider for provider in try_providers() if provider.device == "directml")
    assert not missing.runs
    assert missing.reason == "the device directml does not run here: no driver"
