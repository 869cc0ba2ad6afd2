"""Fill the README's table from the cards and from timings on this machine: ``python tools/update_readme.py``.

The times, relative to ESPCN's at the same scale, are written into the cards of the checkout as well, for
``kukkiri models``; so run it with the checkout's own package (``PYTHONPATH=src``), on a quiet machine.
"""

import json
import re
import statistics
import time
from pathlib import Path

import numpy as np

from kukkiri import Upscaler, pretrained
from kukkiri.images import read_image
from kukkiri.inference import PRESETS

ROOT = Path(__file__).parents[1]
REPEATS = 15
FAMILIES = (
    "espcn",
    "fsrcnn",
    "video",
    "plain-xs",
    *dict.fromkeys(preset.family for preset in PRESETS.values()),
    "san-s",
)
"""Of the rows; the other shipped models are only timed."""


def main() -> None:
    image = make_image()
    rows = [
        "| model | parameters | Set5 | Set14 | B100 | time |",
        "|---|---|---|---|---|---|",
    ]
    for scale in (2, 3, 4):
        names = sorted(name for name in pretrained.list_models() if pretrained.read_card(name)["scale"] == scale)
        times = time_medians(names, image)
        ratios = {name: round(seconds / times[f"espcn-x{scale}"], 2) for name, seconds in times.items()}
        for name, ratio in ratios.items():
            write_time(name, ratio)
        for name in (f"{family}-x{scale}" for family in FAMILIES):
            if name not in ratios:
                continue
            card = pretrained.read_card(name)
            scores = card["scores"]["sets"]
            sets = [scores[set_name] for set_name in ("Set5", "Set14", "B100")]
            cells = [f"{score['psnr']:.2f} / {score['ssim']:.4f}" for score in sets]
            columns = [f"`{name}`", f"{card['parameters']:,}", *cells, f"{ratios[name]:.2f}"]
            rows.append(f"| {' | '.join(columns)} |")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    block = "\n".join(rows)
    text = re.sub(
        r"(<!-- models:begin -->\n).*?(<!-- models:end -->)", lambda m: f"{m[1]}{block}\n{m[2]}", text, flags=re.DOTALL
    )
    readme.write_text(text, encoding="utf-8")
    print(block)


def write_time(name: str, ratio: float) -> None:
    """Put the time of a model into its card."""
    path = pretrained.locate(name, ".json")
    path.write_text(
        json.dumps({**pretrained.read_card(name), "relative_time": ratio}, indent=2) + "\n", encoding="utf-8"
    )


def make_image() -> np.ndarray:
    """A 640x360 photograph, tiled from an example image."""
    image = read_image(ROOT / "examples" / "images" / "flower.png").to_array()
    return np.ascontiguousarray(np.tile(image, (2, 2, 1))[:360, :640])


def time_medians(names: list[str], image: np.ndarray) -> dict[str, float]:
    """Median seconds of each model for the image; the models run in turns."""
    upscalers = {name: Upscaler(name) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(REPEATS + 1):
        for name, upscaler in upscalers.items():
            begun = time.perf_counter()
            upscaler(image)
            times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


if __name__ == "__main__":
    main()
