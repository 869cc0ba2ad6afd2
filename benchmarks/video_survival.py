"""Print the table of what survives when a clip is upscaled: every stream and timestamp, before and after.

The clips are made by the ffmpeg program, upscaled into MKV and MP4, and compared by the ffprobe program::

    python benchmarks/video_survival.py
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.video.clips import make_clip
from tests.video.survival import CASES, Case, compare

from kukkiri.inference import Upscaler
from kukkiri.video import upscale_video


def survives(case: Case, source: Path, output: Path, upscaler: Upscaler) -> str:
    """Upscale a clip and say what differs afterwards; notes are losses that the program itself states."""
    result = upscale_video(source, output, model=upscaler, workers=1)
    stated = case.lost_in_mp4 if output.suffix == ".mp4" else ()
    found = {subject: text for subject, text in compare(source, output).items() if subject not in stated}
    differences = [f"**{subject}: {text}**" for subject, text in found.items()]
    same = "all the rest the same" if stated else "all the same"
    notes = [note.rstrip(".") for note in result.notes]
    return "; ".join([same if not differences else "DIFFERS", *differences, *notes])


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description="Print the table of what survives when a clip is upscaled.")
    parser.add_argument("--model", default="plain-xs", help="a model of scale 2")
    options = parser.parse_args()
    upscaler = Upscaler(options.model, scale=2, threads=1, workers=1)
    print("| clip | what is special | MKV | MP4 |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            source = make_clip(case.clip, Path(folder))
            cells = [
                survives(case, source, Path(folder) / f"{case.clip}.larger.{suffix}", upscaler)
                for suffix in ("mkv", "mp4")
            ]
            print(f"| {case.clip} | {case.shows} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
