"""A training of two machines whose network is cut: it ends with one line, and resumes to the same weights.

    python benchmarks/training_namespaces.py [--steps 20] [--cut-after 7] [--torchrun] [--json]

Two network namespaces of this machine stand for two machines, each with an end of a cable (a veth pair) and one process
of ``kukkiri train`` (gloo). The cable is cut after some steps. The script measures how long each process takes to end,
looks at what it prints, connects the cable, resumes, and compares the weights with those of a run that nothing
disturbed. It needs root, on Linux; elsewhere it says so and ends with 0.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from kukkiri.images import Image

SPACES = ("kukkiri-0", "kukkiri-1")
ADDRESSES = ("10.77.0.1", "10.77.0.2")
PORT = 29533
LIMIT = 600.0  # seconds for anything


@dataclass(frozen=True)
class Outcome:
    """Numbers of the three runs."""

    steps: int
    cut_at_step: int
    """That the log named last before the cut."""
    seconds_to_end: list[float]
    """Of each process, from the cut on."""
    exit_codes: list[int]
    last_lines: list[str]
    """Of each process, after the cut."""
    tracebacks: int
    resumed_from: int
    same_weights: bool

    @property
    def good(self) -> bool:
        """True when it ended well, and came to the same weights."""
        named = all("is out of reach" in line for line in self.last_lines)
        return named and all(self.exit_codes) and self.same_weights and not self.tracebacks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cut-after", type=int, default=7)
    parser.add_argument("--torchrun", action="store_true", help="let torchrun start each process")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    reason = find_obstacle()
    if reason:
        print(f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder, two_namespaces():
        outcome = run(Path(folder), steps=options.steps, cut_after=options.cut_after, torchrun=options.torchrun)
    if options.json:
        print(json.dumps(asdict(outcome)))
    else:
        for name, value in asdict(outcome).items():
            print(f"{name:16} {value}")
    return 0 if outcome.good else 1


def run(root: Path, *, steps: int, cut_after: int, torchrun: bool) -> Outcome:
    """Train undisturbed, with a cut, and resumed."""
    make_images(root / "images")
    whole = Training(root, "whole", steps=steps, torchrun=torchrun)
    if any(whole.wait()):
        raise RuntimeError(whole.read_all())
    first = Training(root, "cut", steps=steps, torchrun=torchrun)
    step = first.wait_for_step(cut_after)
    set_cable("down")
    cut = time.monotonic()
    seconds = first.wait_for_ends(cut)
    codes, texts = first.wait(), first.read()
    set_cable("up")
    second = Training(root, "cut", steps=steps, torchrun=torchrun, resume=True)
    if any(second.wait()):
        raise RuntimeError(second.read_all())
    return Outcome(
        steps=steps,
        cut_at_step=step,
        seconds_to_end=seconds,
        exit_codes=codes,
        last_lines=[find_last_line(text) for text in texts],
        tracebacks=sum(text.count("Traceback") for text in texts) if not torchrun else 0,  # torchrun adds its own
        resumed_from=second.first_step(),
        same_weights=hash_weights(root, "whole") == hash_weights(root, "cut"),
    )


class Training:
    """Two processes, one in each namespace."""

    def __init__(self, root: Path, name: str, *, steps: int, torchrun: bool, resume: bool = False) -> None:
        self._log = root / "runs" / name / "log.jsonl"
        values = {
            "name": name, "network": "plain", "scale": 2, "data": root / "images", "output": root / "runs",
            "arguments.width": 6, "arguments.depth": 2, "patch": 10, "batch": 4, "steps": steps, "warmup": 2,
            "log_every": 1, "validate_every": steps, "checkpoint_every": 5, "threads": 1,
        }  # fmt: skip
        (root / "recipe.toml").write_text('kind = "supervised"\n')
        command = ["train", str(root / "recipe.toml"), *(f"{key}={value}" for key, value in values.items())]
        command += ["--resume"] if resume else []
        self._outputs = [root / f"{name}-{rank}{'-resumed' if resume else ''}.txt" for rank in (0, 1)]
        self._processes = [self._start(rank, command, output, torchrun) for rank, output in enumerate(self._outputs)]

    def _start(self, rank: int, command: list[str], output: Path, torchrun: bool) -> "subprocess.Popen[bytes]":
        variables = {"GLOO_SOCKET_IFNAME": f"kk{rank}", "OMP_NUM_THREADS": "1"}
        start = [sys.executable, "-m", "kukkiri"]
        if torchrun:
            start = [
                *(sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"),
                *("--node-rank", str(rank), "--master-addr", ADDRESSES[0], "--master-port", str(PORT), "-m", "kukkiri"),
            ]
        else:
            variables |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
            variables |= {"MASTER_ADDR": ADDRESSES[0], "MASTER_PORT": str(PORT)}
        with output.open("wb") as file:
            return subprocess.Popen(
                ["ip", "netns", "exec", SPACES[rank], *start, *command],
                env={**os.environ, **variables}, stdout=file, stderr=file,
            )  # fmt: skip

    def wait(self) -> list[int]:
        return [process.wait(timeout=LIMIT) for process in self._processes]

    def wait_for_step(self, step: int) -> int:
        """Wait until the log tells of a step."""
        for _ in range(int(LIMIT / 0.05)):
            lines = self._log.read_text().splitlines() if self._log.exists() else []
            if len(lines) >= step:
                return int(json.loads(lines[-1])["step"])
            if self._processes[0].poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(self.read_all())

    def wait_for_ends(self, begun: float) -> list[float]:
        """Seconds until each of the processes has ended."""
        ended: dict[int, float] = {}
        while len(ended) < 2 and time.monotonic() - begun < LIMIT:
            for rank, process in enumerate(self._processes):
                if rank not in ended and process.poll() is not None:
                    ended[rank] = time.monotonic() - begun
            time.sleep(0.05)
        for process in self._processes:
            process.kill()
        return [round(ended.get(rank, float("inf")), 1) for rank in (0, 1)]

    def first_step(self) -> int:
        """The step that this run began after."""
        shown = [line for line in self._outputs[0].read_text().splitlines() if line.split("/")[0].isdigit()]
        return int(shown[0].split("/")[0]) - 1 if shown else -1

    def read(self) -> list[str]:
        return [output.read_text() for output in self._outputs]

    def read_all(self) -> str:
        return "\n".join(self.read())


def find_last_line(text: str) -> str:
    """The line of kukkiri, whatever torchrun says after it."""
    lines = [line for line in text.splitlines() if line.startswith("kukkiri: ")]
    return lines[-1] if lines else ""


def hash_weights(root: Path, name: str) -> str:
    """sha256 of all tensors; the file holds the name of the run, too."""
    digest = hashlib.sha256()
    for key, value in sorted(load_file(root / "runs" / name / "weights.safetensors").items()):
        digest.update(key.encode() + value.tobytes())
    return digest.hexdigest()


def make_images(folder: Path) -> None:
    folder.mkdir()
    generator = np.random.default_rng(7)
    for name in "abc":
        Image.from_array(generator.random((72, 72, 3), dtype=np.float32)).save(folder / f"{name}.tif")


def find_obstacle() -> str:
    """The reason why there can be no namespaces here."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are of Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        made = subprocess.run(["ip", "netns", "add", "kukkiri-test"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no command ip (iproute2)"
    if made.returncode:
        return f"network namespaces are not permitted here ({made.stderr.strip()})"
    call("netns", "del", "kukkiri-test")
    return ""


@contextmanager
def two_namespaces():
    """Two namespaces, and a cable between them."""
    for space in SPACES:
        subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)  # of a run that was killed
        call("netns", "add", space)
    try:
        call("link", "add", "kk0", "netns", SPACES[0], "type", "veth", "peer", "name", "kk1", "netns", SPACES[1])
        for number, (space, address) in enumerate(zip(SPACES, ADDRESSES, strict=True)):
            call("-n", space, "addr", "add", f"{address}/24", "dev", f"kk{number}")
            call("-n", space, "link", "set", f"kk{number}", "up")
            call("-n", space, "link", "set", "lo", "up")
        yield
    finally:
        for space in SPACES:
            call("netns", "del", space)


def set_cable(state: str) -> None:
    """Cut or connect the cable at one of its ends; the addresses stay."""
    call("-n", SPACES[1], "link", "set", "kk1", state)


def call(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
