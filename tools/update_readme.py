"""Fills the README's tables from the cards and from timings on this machine: ``python tools/update_readme.py``."""

import re
import statistics
import time
from pathlib import Path

import numpy as np

from kukkiri import Upscaler, weights
from kukkiri.images import read_picture

ROOT = Path(__file__).parents[1]
REPEATS = 7


def main() -> None:
    rows = ["| model | parameters | Set5 | Set14 | B100 | seconds | licence |", "|---|---|---|---|---|---|---|"]
    picture = frame()
    for name in sorted(weights.shipped(), key=lambda one: (int(one[-1]), one)):
        card = weights.card(name)
        scores = card["scores"]["sets"]
        cells = [f"{scores[one]['psnr']:.2f} / {scores[one]['ssim']:.4f}" for one in ("Set5", "Set14", "B100")]
        columns = [f"`{name}`", f"{card['parameters']:,}", *cells, f"{seconds(name, picture):.2f}", card["licence"]]
        rows.append(f"| {' | '.join(columns)} |")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    block = "\n".join(rows)
    text = re.sub(
        r"(<!-- models:begin -->\n).*?(<!-- models:end -->)", lambda m: f"{m[1]}{block}\n{m[2]}", text, flags=re.DOTALL
    )
    readme.write_text(text, encoding="utf-8")
    print(block)


def frame() -> np.ndarray:
    """A 640x360 photograph, put together from an example picture."""
    picture = read_picture(ROOT / "examples" / "pictures" / "flower.png").to_array()
    return np.ascontiguousarray(np.tile(picture, (2, 2, 1))[:360, :640])


def seconds(name: str, picture: np.ndarray) -> float:
    upscaler = Upscaler(name)
    upscaler(picture)
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        upscaler(picture)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    main()
