import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from kukkiri.data import PatchSampler, Prefetcher
from tests.data.made_pairs import make_pairs


class Recorder:
    """A sampler that records the steps it was asked for; the batch of a step is its number."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.threads: set[str] = set()

    def at(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        if step == 13:
            raise RuntimeError("no batch for step 13")
        self.steps.append(step)
        self.threads.add(threading.current_thread().name)
        return torch.tensor(step), torch.tensor(-step)


def wait_for(recorder: Recorder, steps: list[int]) -> None:
    """Wait until these steps were prepared."""
    limit = time.monotonic() + 30
    while recorder.steps != steps and time.monotonic() < limit:
        time.sleep(0.001)
    assert recorder.steps == steps


def prefetch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("kukkiri-prefetch")]


def test_batches_are_those_of_the_sampler_in_any_order():
    sampler = PatchSampler(make_pairs(), patch=8, batch=3)
    with Prefetcher(sampler.at) as prefetcher:
        for step in (0, 1, 2, 3, 10, 2, 2, 11, 0, 5, 4):
            for tensor, expected in zip(prefetcher.at(step), sampler.at(step), strict=True):
                assert tensor.equal(expected)


def test_the_next_batches_are_prepared_in_one_thread_and_no_step_twice():
    recorder = Recorder()
    with Prefetcher(recorder.at, ahead=3, stop=6) as prefetcher:
        prefetcher.at(0)
        wait_for(recorder, [0, 1, 2, 3])
        assert [int(tensor) for tensor in prefetcher.at(1)] == [1, -1]
        wait_for(recorder, [0, 1, 2, 3, 4])
        for step in (2, 3, 4, 5):
            prefetcher.at(step)
        wait_for(recorder, [0, 1, 2, 3, 4, 5])  # nothing from the stop on
        prefetcher.at(7)  # but it is there when asked for
    assert recorder.steps == [0, 1, 2, 3, 4, 5, 7]
    assert recorder.threads == {"kukkiri-prefetch_0"}


def test_without_batches_ahead_only_what_is_asked_for_is_made():
    recorder = Recorder()
    with Prefetcher(recorder.at, ahead=0) as prefetcher:
        prefetcher.at(4)
        prefetcher.at(5)
    assert recorder.steps == [4, 5]
    with pytest.raises(ValueError, match="ahead must be at least 0, got -1"):
        Prefetcher(recorder.at, ahead=-1)


def test_an_error_is_raised_at_its_step_and_the_others_go_on():
    with Prefetcher(Recorder().at, ahead=2) as prefetcher:
        assert int(prefetcher.at(11)[0]) == 11  # 13 has failed or will fail in the thread
        assert int(prefetcher.at(12)[0]) == 12
        for _ in range(2):
            with pytest.raises(RuntimeError, match="no batch for step 13"):
                prefetcher.at(13)
        assert int(prefetcher.at(14)[0]) == 14


def test_no_thread_is_left_when_the_block_ends_or_is_interrupted():
    with Prefetcher(Recorder().at) as prefetcher:
        prefetcher.at(0)
        assert len(prefetch_threads()) == 1
    assert not prefetch_threads()

    def interrupted(step: int) -> int:
        with Prefetcher(Recorder().at) as prefetcher:
            prefetcher.at(step)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(0)
    assert not prefetch_threads()


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")
def test_ctrl_c_ends_a_process_that_waits_for_a_batch():
    code = (
        "import time\nfrom kukkiri.data import Prefetcher\n"
        "def at(step):\n    print(step, flush=True)\n    time.sleep(0.2)\n    return step\n"
        "with Prefetcher(at, ahead=4) as prefetcher:\n"
        "    for step in range(10**6): prefetcher.at(step)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "0\n"
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=30)
    assert printed.strip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT


def test_batches_go_to_the_device_and_only_tensors_can():
    with Prefetcher(Recorder().at, device="meta") as prefetcher:
        batch = prefetcher.at(3)
    assert isinstance(batch, tuple)
    assert all(tensor.is_meta for tensor in batch)
    message = "only tensors, tuples and lists can be moved to a device, got str"
    with (
        Prefetcher(lambda step: [torch.tensor(step), "name"], device="meta") as prefetcher,
        pytest.raises(TypeError, match=message),
    ):
        prefetcher.at(0)


class FakeStream:
    """Stands for CUDA streams on a machine without CUDA; writes down what happens, in its order."""

    def __init__(self, device: torch.device, events: list[str]) -> None:
        assert device.type == "cuda"
        self.events = events

    def record_event(self) -> str:
        self.events.append("record event")
        return "copied"

    def wait_event(self, event: str) -> None:
        self.events.append(f"wait for {event}")

    def wait_stream(self, _: "FakeStream") -> None:
        self.events.append("wait for the images")


def test_on_cuda_pinned_batches_are_copied_on_their_own_stream_and_waited_for(monkeypatch):
    events: list[str] = []
    current = FakeStream(torch.device("cuda"), events)

    @contextlib.contextmanager
    def use(stream: FakeStream) -> Iterator[None]:
        assert stream is not current
        events.append("own stream")
        yield
        events.append("end of own stream")

    def copy(tensor: torch.Tensor, device: torch.device, *, non_blocking: bool) -> torch.Tensor:
        assert device.type == "cuda"
        assert non_blocking
        events.append("copy")
        return tensor

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: FakeStream(device, events))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: current)
    monkeypatch.setattr(torch.cuda, "stream", use)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: events.append("pin") or tensor)
    monkeypatch.setattr(torch.Tensor, "to", copy)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda _, stream: events.append("keep until used"))
    with Prefetcher(Recorder().at, ahead=0, device="cuda") as prefetcher:
        assert [int(tensor) for tensor in prefetcher.at(3)] == [3, -3]
    made = ["own stream", "pin", "copy", "pin", "copy", "record event", "end of own stream"]
    assert events == ["wait for the images", *made, "wait for copied", "keep until used", "keep until used"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_copied_batches_are_those_of_the_sampler():
    sampler = PatchSampler(make_pairs(), patch=16, batch=64)
    with Prefetcher(sampler.at, device="cuda") as prefetcher:
        for step in range(20):
            for tensor, expected in zip(prefetcher.at(step), sampler.at(step), strict=True):
                assert tensor.is_cuda
                assert (tensor * 1).cpu().equal(expected)
