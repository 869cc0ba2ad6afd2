import pytest

from kukkiri.devices import resolve_device
from kukkiri.errors import BackendError, ConfigError

torch = pytest.importorskip("torch")


def pretend(monkeypatch, *, gpus=0, mps=False):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("gpus", "mps", "name", "rank", "expected"),
    [
        (0, False, "auto", 0, "cpu"),
        (0, True, "auto", 0, "mps"),
        (2, False, "auto", 0, "cuda:0"),
        (2, False, "auto", 3, "cuda:1"),
        (2, False, "cuda", 1, "cuda:1"),
        (2, False, "cuda:0", 1, "cuda:0"),
        (1, False, "cpu", 0, "cpu"),
    ],
)
def test_a_name_is_resolved_by_what_is_there(monkeypatch, gpus, mps, name, rank, expected):
    pretend(monkeypatch, gpus=gpus, mps=mps)
    assert str(resolve_device(name, local_rank=rank)) == expected


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cpu:1", "cuda:-1", ""])
def test_another_name_is_refused(monkeypatch, name):
    pretend(monkeypatch, gpus=2)
    with pytest.raises(ConfigError, match=r"Expected auto, cpu, cuda, cuda:N or mps\."):
        resolve_device(name)


@pytest.mark.parametrize(
    ("gpus", "name", "message"),
    [
        (0, "cuda", r"no device cuda here; torch sees only cpu\. .*built for the CPU only: install one with CUDA"),
        (0, "mps", r"no device mps here; torch sees only cpu\. Use device cpu or auto"),
        (2, "cuda:2", r"no device cuda:2 here; torch sees cpu, cuda:0, cuda:1\. Use one of these"),
    ],
)
def test_a_missing_device_names_the_remedy(monkeypatch, gpus, name, message):
    pretend(monkeypatch, gpus=gpus)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(BackendError, match=message):
        resolve_device(name)
