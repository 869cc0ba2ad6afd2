import onnxruntime

from kukkiri.inference import try_providers
from kukkiri.inference.providers import _try


def test_the_cpu_always_runs():
    found = {provider.name: provider for provider in try_providers()}
    assert list(found) == onnxruntime.get_available_providers()
    assert found["CPUExecutionProvider"].runs
    assert found["CPUExecutionProvider"].reason == ""


def test_a_provider_that_only_is_listed_is_told_apart():
    missing = _try("AzureExecutionProvider")  # part of the ordinary build, runs no convolution
    assert not missing.runs
    assert "\n" not in missing.reason
    assert missing.reason
