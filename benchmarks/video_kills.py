"""Runs on a clip, killed at random moments: what is done plays, and a resumed run gives the undisturbed result.

    python benchmarks/video_kills.py [--kills 200] [--seconds 6] [--model fast] [--seed 0] [--json]

A tiny clip with sound and a variable frame rate is upscaled in a process of its own, which gets SIGKILL at a moment
that is uniform over the time that an undisturbed run takes, in four of five cases since its journal is there; in half
of the cases the resumed run is killed, too. Runs
take turns: the command line and the function, MKV and MP4. Each time the program ffmpeg, which kukkiri
does not use, looks at the unfinished file (all frames in it decode, and equal those of the undisturbed run) and at the
file of the last, resumed run: number, timestamps and checksums of all frames, packets of sound.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import kukkiri
from kukkiri import cli
from kukkiri.video import EncoderOptions
from kukkiri.video.journal import read_journal
from kukkiri.video.sink import PartialFiles

FORK = multiprocessing.get_context("fork")  # kukkiri is imported once, so that kills hit the work


@dataclass(frozen=True)
class Way:
    """One way to run kukkiri."""

    name: str
    suffix: str

    def start(self, source: Path, target: Path, model: str, *, resume: bool) -> "multiprocessing.process.BaseProcess":
        """Start it in a process of its own."""
        process = FORK.Process(target=self._run, args=(source, target, model, resume))
        process.start()
        return process

    def _run(self, source: Path, target: Path, model: str, resume: bool) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if self.name == "function":
            encoder = EncoderOptions(keyframe_seconds=0.5)
            kukkiri.upscale_video(source, target, model=model, scale=2, encoder=encoder, resume=resume)
            return
        more = ["--keyframe-seconds", "0.5", *(["--resume"] if resume else [])]
        arguments = ["upscale", str(source), "-o", str(target), "--model", model, "--scale", "2", "--quiet", *more]
        sys.exit(cli.run(arguments))


@dataclass(frozen=True)
class Look:
    """Streams and packets that ffmpeg sees in a file."""

    frames: tuple[str, ...]
    """Checksum of each decoded frame."""
    packets: tuple[str, ...]
    """Stream, timestamp and size of each frame and each packet of sound, sorted."""
    errors: str
    """Complaints of ffmpeg about a file."""


@dataclass(frozen=True)
class Kill:
    """The outcome of one case."""

    way: str
    state: str
    """``nothing yet``, ``no frame yet``, ``plays``, or ``complete``: the run was quicker."""
    frames: int
    """Frames that decode in the unfinished file."""
    recorded: int
    """Frames of finished segments in the journal."""
    equal: bool
    """True when the decoded frames equal the undisturbed run's."""
    kills: int
    """Kills until the clip was complete."""
    same_frames: bool
    """Number and pixels of the frames of the resumed result."""
    same_packets: bool
    """Timestamps of video and sound."""

    @property
    def good(self) -> bool:
        """True when nothing was lost but time."""
        playable = self.state != "no frame yet" or self.recorded == 0
        return playable and self.equal and self.same_frames and self.same_packets


WAYS = [Way(name, suffix) for name in ("command", "function") for suffix in (".mkv", ".mp4")]


def main() -> int:
    options = parse()
    chance = random.Random(options.seed)
    kills: list[Kill] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        source = make_clip(root / "clip.mkv", seconds=options.seconds)
        references = {}
        for way in WAYS:
            target = root / f"whole-{way.name}{way.suffix}"
            begun = time.monotonic()
            run_and_kill(way.start(source, target, options.model, resume=False), None)
            references[way] = time.monotonic() - begun, look_at(target)
        for way in itertools.cycle(WAYS):
            seconds, reference = references[way]
            kills.append(kill(way, source, root, options.model, seconds, reference, chance))
            longer = 0.7 if kills[-1].state == "complete" else 1.1  # the load of the machine changes
            references[way] = seconds * longer, reference
            done = sum(case.kills for case in kills)
            print(f"{done}/{options.kills} {kills[-1]}", file=sys.stderr, flush=True)
            if done >= options.kills:
                break
    if options.json:
        print(json.dumps([asdict(case) for case in kills]))
    else:
        report(kills)
    return 0 if all(case.good for case in kills) else 1


def kill(
    way: Way, source: Path, root: Path, model: str, seconds: float, reference: Look, chance: random.Random
) -> Kill:
    """Kill a run, look at what is there, and resume it until it is complete."""
    target = root / f"killed{way.suffix}"
    files = PartialFiles.of(target)
    rounds = run_and_kill(
        way.start(source, target, model, resume=False),
        chance.uniform(0, seconds),
        after=None if chance.random() < 0.2 else files.journal,
    )
    seen = look_at(files.clip) if files.clip.exists() else None
    journal = read_journal(files.journal)
    recorded = 0 if journal is None else journal.frames
    if target.exists():
        state = "complete"
    elif seen is None:
        state = "nothing yet"
    else:
        state = "plays" if seen.frames else "no frame yet"
    frames = seen.frames if seen is not None else ()
    if not target.exists():
        if chance.random() < 0.5:
            rounds += run_and_kill(way.start(source, target, model, resume=True), chance.uniform(0, seconds))
            again = look_at(files.clip) if files.clip.exists() else Look(frames, (), "")
            if len(again.frames) < len(frames) and not target.exists():
                frames = ()  # a kill took away what there was
        if not target.exists():
            run_and_kill(way.start(source, target, model, resume=True), None)
    result = look_at(target)
    left = [path.name for path in (files.clip, files.second, files.journal) if path.exists()]
    target.unlink()
    for name in left:
        (root / name).unlink()
    return Kill(
        way=f"{way.name} {way.suffix}",
        state=state,
        frames=len(frames),
        recorded=recorded,
        equal=frames == reference.frames[: len(frames)] and (state != "plays" or len(frames) > 0),
        kills=rounds,
        same_frames=result.frames == reference.frames and result.errors == reference.errors,
        same_packets=result.packets == reference.packets,
    )


def run_and_kill(
    process: "multiprocessing.process.BaseProcess", seconds: float | None, *, after: Path | None = None
) -> int:
    """Kill a process some time after a file appeared; returns the number of kills, 0 when it was quicker."""
    while after is not None and not after.exists() and process.exitcode is None:
        process.join(0.005)
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        return 1
    if process.exitcode:
        raise RuntimeError(f"a run failed with exit code {process.exitcode}")
    return 0


def look_at(path: Path) -> Look:
    """Decode all frames of a file with ffmpeg, and list its packets of sound as they are."""
    streams = ("-map", "0:v", "-c:v", "rawvideo", "-map", "0:a", "-c:a", "copy")
    seen = _run(
        "ffmpeg", "-v", "error", "-copyts", "-i", path, *streams, "-fps_mode", "passthrough", "-f", "framemd5", "-"
    )
    rows = [[cell.strip() for cell in line.split(",")] for line in seen.stdout.splitlines() if line[:1] != "#"]
    frames = [(int(row[2]), row[-1]) for row in rows if row[0] == "0"]  # by presentation time
    return Look(
        frames=tuple(checksum for _, checksum in sorted(frames)),
        packets=tuple(sorted(f"{row[0]} {row[2]} {row[4]}" for row in rows)),
        errors=seen.stderr,
    )


def make_clip(path: Path, *, seconds: float) -> Path:
    """Make a clip of 64x48 with B-frames, sound, and every seventh frame missing."""
    film = f"testsrc2=size=64x48:rate=24:duration={seconds},select='not(eq(mod(n\\,7)\\,3))',settb=1/1000"
    done = _run(
        *("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", film, "-f", "lavfi", "-i", f"sine=d={seconds}"),
        *("-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-c:a", "aac", path),
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return path


def report(kills: list[Kill]) -> None:
    """Print a table by way, and the sums."""
    print("| run | cases | nothing yet | no frame yet | plays | complete | wrong |")
    print("|---|---|---|---|---|---|---|")
    for way in sorted({case.way for case in kills}):
        cases = [case for case in kills if case.way == way]
        states = Counter(case.state for case in cases)
        counts = [states[state] for state in ("nothing yet", "no frame yet", "plays", "complete")]
        wrong = sum(not case.good for case in cases)
        print(f"| {way} | {len(cases)} | {' | '.join(map(str, counts))} | {wrong} |")
    playing = [case for case in kills if case.state == "plays"]
    again, total = sum(case.kills > 1 for case in kills), sum(case.kills for case in kills)
    print(f"\n{total} kills in {len(kills)} cases, {again} of them killed twice; {len(playing)} unfinished files play")
    print(f"all frames in them as in the undisturbed run: {all(case.equal for case in playing)}")
    print(f"resumed to the same frames: {sum(case.same_frames for case in kills)} of {len(kills)}")
    print(f"resumed to the same timestamps: {sum(case.same_packets for case in kills)} of {len(kills)}")
    behind = max((case.recorded - case.frames for case in playing), default=0)
    print(f"frames in the journal that did not decode in the unfinished file: at most {behind}")


def _run(*command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
