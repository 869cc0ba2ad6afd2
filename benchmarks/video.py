"""CPU time of a clip by stage, network and encoder, and what exact reuse saves.

    python benchmarks/video.py speed                       stages, networks and encoders, 640x360 to 1920x1080
    python benchmarks/video.py reuse                       four clips with and without exact reuse
    python benchmarks/video.py memory --frames 2000        resident memory along a clip

The clips are made from ``examples/photographs`` by the program ffmpeg. Times are CPU milliseconds of one frame on one
thread: the median over the frames, all networks taking turns on each frame, so that load of the machine hits all alike.
``--model`` names luma networks of one scale; the first one is the reference of the ratios.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kukkiri.images import read_image
from kukkiri.inference import Upscaler
from kukkiri.video import groups, luma, networks
from kukkiri.video.frame_upscaler import FrameUpscaler, upscale_frames
from kukkiri.video.planes import view_planes
from kukkiri.video.source import VideoSource

EXAMPLES = Path(__file__).parents[1] / "examples" / "photographs"
SIZE = (640, 360)
Times = dict[str, dict[str, list[float]]]
ENCODERS = ("ultrafast", "superfast", "veryfast")
STAGES = ("decode", "convert", "network", "write", "chroma")


def main() -> int:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        {"speed": speed, "reuse": reuse, "memory": memory}[options.what](options, Path(folder))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "reuse", "memory"))
    parser.add_argument("--model", nargs="+", default=["plain-xs-x3", "espcn-x3", "bicubic"])
    parser.add_argument("--scale", type=int, default=3)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--workers", type=int, default=2, help="under memory, and of whole pipelines")
    return parser.parse_args()


def speed(options: argparse.Namespace, folder: Path) -> None:
    """Stages of each network, then totals by encoder."""
    clip = make_panned(folder, options.frames, noise=4)
    stages, encoding = measure_stages(clip, options)
    print(f"| network | {' | '.join(STAGES)} | share of the network |\n|---|{'---|' * (len(STAGES) + 1)}")
    for model, times in stages.items():
        row = [median(times[stage]) for stage in STAGES]
        whole = sum(row) + encoding[model][ENCODERS[0]]
        cells = " | ".join(f"{value:.1f}" for value in row)
        print(f"| {model} | {cells} | {100 * median(times['network']) / whole:.0f} % |")
    print(f"\n| network | {' | '.join(f'x264 {preset}' for preset in ENCODERS)} |\n|---|{'---|' * len(ENCODERS)}")
    totals = {
        model: {preset: sum(median(times[stage]) for stage in STAGES) + encoding[model][preset] for preset in ENCODERS}
        for model, times in stages.items()
    }
    for model, total in totals.items():
        cells = " | ".join(
            f"{total[preset]:.1f}, of which x264 {encoding[model][preset]:.1f}; "
            f"ratio {total[preset] / totals[options.model[0]][preset]:.2f}"
            for preset in ENCODERS
        )
        print(f"| {model} | {cells} |")
    for model in options.model:
        print(measure_whole(clip, model, options))


def measure_whole(clip: Path, model: str, options: argparse.Namespace) -> str:
    """CPU time of the process for the pipeline as it runs, decoder to encoder."""
    begun, clock = time.process_time(), time.monotonic()
    with VideoSource(clip) as source:
        upscaler = FrameUpscaler(Upscaler(model, threads=1, workers=options.workers, scale=options.scale), source.info)
        encoder = open_encoder(ENCODERS[0], upscaler.output_size)
        count = 0
        for result in upscale_frames(source.frames(), upscaler, workers=options.workers):
            encoder.encode(result.frame)
            count += 1
        encoder.encode(None)
    spent, passed = time.process_time() - begun, time.monotonic() - clock
    return (
        f"\n{model}, x264 {ENCODERS[0]}, {options.workers} workers: {1000 * spent / count:.1f} CPU ms a frame, "
        f"{count / passed:.1f} frames a second at a load of {os.getloadavg()[0]:.1f}"
    )


def measure_stages(clip: Path, options: argparse.Namespace) -> tuple[Times, dict[str, dict[str, float]]]:
    """CPU milliseconds of each stage and frame by model; and of a frame in each encoder, which work ahead."""
    times: Times = {model: defaultdict(list) for model in options.model}
    encoding: dict[str, dict[str, float]] = {model: defaultdict(float) for model in options.model}
    with VideoSource(clip, threads=1) as source:
        upscalers = {
            model: FrameUpscaler(Upscaler(model, threads=1, scale=options.scale), source.info)
            for model in options.model
        }
        encoders = {
            (model, preset): open_encoder(preset, upscaler.output_size)
            for model, upscaler in upscalers.items()
            for preset in ENCODERS
        }
        frames = source.frames()
        while True:
            begun = time.thread_time()
            frame = next(frames, None)
            decoded = time.thread_time() - begun
            if frame is None:
                break
            for model, upscaler in upscalers.items():
                with Stopwatch(times[model]) as watch:
                    upscaled = upscaler.upscale(frame).frame
                watch.count("decode", decoded)
                for preset in ENCODERS:
                    encoding[model][preset] += watch.time(encoders[model, preset].encode, upscaled)
    for (model, preset), encoder in encoders.items():
        begun = time.thread_time()
        encoder.encode(None)
        encoding[model][preset] = 1000 * (encoding[model][preset] + time.thread_time() - begun) / options.frames
    return times, encoding


class Stopwatch:
    """Times the stages inside a frame's upscaling by wrapping the functions that do them."""

    def __init__(self, times: dict[str, list[float]]) -> None:
        self.times = times
        self.spent: dict[str, float] = defaultdict(float)
        self.wrapped = [
            (luma, "to_units", "convert"),
            (networks.PartialNetworks, "run", "network"),
            (groups.ResizedPlane, "run", "chroma"),
        ]
        self.kept: list[Any] = []

    def __enter__(self) -> "Stopwatch":
        self.kept = [getattr(owner, name) for owner, name, _ in self.wrapped]
        for (owner, name, stage), function in zip(self.wrapped, self.kept, strict=True):
            setattr(owner, name, self.wrap(function, stage))
        self.begun = time.thread_time()
        return self

    def __exit__(self, *error: object) -> None:
        whole = time.thread_time() - self.begun
        for (owner, name, _), function in zip(self.wrapped, self.kept, strict=True):
            setattr(owner, name, function)
        for stage in ("convert", "network", "chroma"):
            self.count(stage, self.spent[stage])
        self.count("write", whole - sum(self.spent.values()))

    def wrap(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def timed(*arguments: Any, **keywords: Any) -> Any:
            begun = time.thread_time()
            try:
                return function(*arguments, **keywords)
            finally:
                self.spent[stage] += time.thread_time() - begun

        return timed

    @staticmethod
    def time(function: Callable[..., Any], *arguments: Any) -> float:
        begun = time.thread_time()
        function(*arguments)
        return time.thread_time() - begun

    def count(self, stage: str, seconds: float) -> None:
        self.times[stage].append(1000 * seconds)


def median(times: list[float]) -> float:
    return statistics.median(times)


def open_encoder(preset: str, size: tuple[int, int]) -> Any:
    """x264 in the calling thread, so that its CPU time is this thread's."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.thread_count = "yuv420p", Fraction(1, 1000), 1
    encoder.options = {"preset": preset, "crf": "20"}
    encoder.open()
    return encoder


def reuse(options: argparse.Namespace, folder: Path) -> None:
    """Share, time and difference of exact reuse."""
    clips = {
        "screen recording": make_screen,
        "lecture with an inset": make_lecture,
        "panned photographs": lambda folder, frames: make_panned(folder, frames, noise=0),
        "noisy film": lambda folder, frames: make_panned(folder, frames, noise=12),
    }
    print("| clip | reused | CPU ms a frame without | with | times as fast | largest difference | pixels that differ |")
    print("|---|---|---|---|---|---|---|")
    for title, make in clips.items():
        print(compare_reuse(title, make(folder, options.frames), options), flush=True)


def compare_reuse(title: str, clip: Path, options: argparse.Namespace) -> str:
    with VideoSource(clip, threads=1) as source:
        frames = list(source.frames())
        upscaler = Upscaler(options.model[0], threads=1, scale=options.scale)
        plain, clever = (FrameUpscaler(upscaler, source.info, reuse=reuse) for reuse in (False, True))
        times: dict[bool, list[float]] = {False: [], True: []}
        shares, largest, differing, pixels, before = [], 0, 0, 0, None
        for frame in frames:
            results = []
            for reused, each in ((False, plain), (True, clever)):
                begun = time.thread_time()
                results.append(each.upscale(frame, before))
                times[reused].append(1000 * (time.thread_time() - begun))
            before = frame, results[1].frame
            shares.append(results[1].reused)
            for one, other in zip(*(view_planes(result.frame) for result in results), strict=True):
                difference = np.abs(one.astype(np.int32) - other)
                largest, differing = max(largest, int(difference.max())), differing + int(np.count_nonzero(difference))
                pixels += difference.size
    without, with_reuse = statistics.fmean(times[False]), statistics.fmean(times[True])
    share = 100 * statistics.fmean(shares)
    return (
        f"| {title} | {share:.0f} % | {without:.1f} | {with_reuse:.1f} | {without / with_reuse:.1f} | {largest} | "
        f"{1e6 * differing / pixels:.2f} in a million |"
    )


def memory(options: argparse.Namespace, folder: Path) -> None:
    """Largest resident set after each tenth of a long clip; a small one, so that it is quick."""
    clip = make_panned(folder, 48, noise=4)
    upscaler = Upscaler(options.model[0], threads=1, workers=options.workers, scale=options.scale)
    with VideoSource(clip) as source:
        info, frames = source.info, list(source.frames())

    def endless() -> Iterator[Any]:
        for number in range(options.frames):
            yield frames[number % len(frames)]

    print("| frames | largest resident set, MB |\n|---|---|")
    results = upscale_frames(endless(), FrameUpscaler(upscaler, info), workers=options.workers)
    for number, _ in enumerate(results, start=1):
        if number % max(1, options.frames // 10) == 0:
            print(f"| {number} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} |", flush=True)


def make_panned(folder: Path, frames: int, *, noise: int) -> Path:
    """A wall of photographs that moves by three pixels a frame, with the noise of a camera."""
    clip = folder / f"panned-{noise}.mkv"
    wall = folder / "wall.png"
    Image.fromarray(make_wall()).save(wall)
    move = f"crop={SIZE[0]}:{SIZE[1]}:x='mod(3*n,{make_wall().shape[1] - SIZE[0]})':y=0"
    encode(
        ["-loop", "1", "-framerate", "24", "-i", str(wall), "-vf", f"{move},noise=alls={noise}:allf=t"], frames, clip
    )
    return clip


def make_wall() -> Any:
    """Two rows of photographs, each 180 pixels high."""
    photographs = [read_image(path).to_array()[:180, :, :3] for path in sorted(EXAMPLES.glob("*.webp"))]
    high = [photograph for photograph in photographs if len(photograph) == 180]
    rows = [np.concatenate(order, axis=1) for order in (high, high[::-1])]
    return np.concatenate(rows, axis=0)


def make_screen(folder: Path, frames: int) -> Path:
    """A desktop on which a window of text scrolls now and then, and a cursor moves."""
    font = ImageFont.load_default(11)
    page = Image.new("RGB", (300, 900), "white")
    draw = ImageDraw.Draw(page)
    for line in range(60):
        draw.text(
            (8, 15 * line), f"{line:3d}  def upscale(frame, network): return network(frame)", fill="#222", font=font
        )
    images, scrolled = [], 0
    for number in range(frames):
        screen = Image.new("RGB", SIZE, "#2d3e50")
        for icon in range(6):
            ImageDraw.Draw(screen).rectangle((12, 12 + 55 * icon, 48, 48 + 55 * icon), fill="#7f8c8d", outline="white")
        scrolled += 15 if number % 12 in (5, 6, 7) else 0
        screen.paste(page.crop((0, scrolled, 300, scrolled + 240)), (250, 60))
        ImageDraw.Draw(screen).rectangle((249, 40, 550, 301), outline="#bdc3c7")
        x, y = 90 + 4 * number, 320 - 2 * number
        ImageDraw.Draw(screen).polygon(((x, y), (x, y + 14), (x + 9, y + 10)), fill="white", outline="black")
        images.append(np.asarray(screen))
    return encode_images(images, folder / "screen.mkv")


def make_lecture(folder: Path, frames: int) -> Path:
    """A slide of text and a photograph, with a speaker's video in the corner."""
    font, wall = ImageFont.load_default(20), make_wall()
    slide = Image.new("RGB", SIZE, "#fdfdf8")
    draw = ImageDraw.Draw(slide)
    for line, text in enumerate(("Super-resolution", "1. interpolation", "2. learned upsampling", "3. attention")):
        draw.text((30, 30 + 45 * line), text, fill="#1a1a60", font=font)
    slide.paste(Image.fromarray(wall[:180, :240]), (330, 30))
    random, images = np.random.default_rng(0), []
    for number in range(frames):
        image = np.array(slide)
        inset = wall[20:140, 400 + 2 * number : 560 + 2 * number].astype(np.int16)
        inset += random.normal(0, 4, inset.shape).astype(np.int16)
        image[230:350, 470:630] = np.clip(inset, 0, 255)
        images.append(image)
    return encode_images(images, folder / "lecture.mkv")


def encode_images(images: list[Any], clip: Path) -> Path:
    size = f"{SIZE[0]}x{SIZE[1]}"
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-framerate", "24", "-i", "-"]
    encode(given, len(images), clip, data=b"".join(image.tobytes() for image in images))
    return clip


def encode(given: list[str], frames: int, clip: Path, data: bytes = b"") -> None:
    """x264 as recorders and cameras use it."""
    command = ["ffmpeg", "-v", "error", "-y", *given, "-frames:v", str(frames), "-pix_fmt", "yuv420p"]
    subprocess.run(
        [*command, "-c:v", "libx264", "-crf", "18", "-preset", "veryfast", str(clip)], input=data, check=True
    )


if __name__ == "__main__":
    sys.exit(main())
