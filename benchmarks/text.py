"""Legibility of text after upscaling: character error rates of Tesseract by model, script and scale.

    python benchmarks/text.py
    python benchmarks/text.py --scales 3 --degradation gaussian:2,2,0+bicubic+noise:0.01+jpeg:75
    python benchmarks/text.py --image docs/images/text.png
    python benchmarks/text.py --models bicubic --vivid 0 0.5 1 --scales 2 4 --baseline vivid-0-x{scale}

Needs Tesseract with eng, rus, ell, jpn and kor, and the fonts DejaVu and Noto CJK (Debian: tesseract-ocr,
tesseract-ocr-rus, -ell, -jpn, -kor, fonts-dejavu, fonts-noto-cjk). {scale} in the name of a model is replaced by the
scale. --vivid adds ``balanced`` at positions of its dial as vivid-0.5-x4, with the weights of --weights. Prints
Markdown; --json writes every reading to a file.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from kukkiri import pretrained
from kukkiri.images import Image
from kukkiri.inference import PRESETS
from kukkiri.inference.dials import Dial, plan_dial
from kukkiri.inference.graph_interpolation import Toward, interpolate_graphs
from kukkiri.ocr import (
    SCRIPTS,
    TextImage,
    TextScore,
    character_error_rate,
    find_font,
    read_text,
    reader_version,
    render_images,
    render_text,
    score_text,
    upscale_text,
)

MODELS = ["lr", "nearest", "bilinear", "bicubic", "lanczos", "espcn-x{scale}", "fsrcnn-x{scale}"]
SHOWN = (("latin", 0), ("japanese", 1), ("korean", 1))
"""Script and number of the example images."""


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def row(score: TextScore, baseline: TextScore) -> str:
    """One line of the table of a scale."""
    low, high = score.interval()
    cells = [score.model, f"**{percent(score.rate())}**", f"{percent(low)} to {percent(high)}"]
    if score.model in (baseline.model, "hr"):
        cells.append("")
    else:
        mean, low, high = score.difference(baseline)
        cells.append(f"{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})")
    return "| " + " | ".join([*cells, *(percent(score.rate(name)) for name in score.scripts)]) + " |"


def print_scale(scores: list[TextScore], hr: TextScore, *, baseline_name: str) -> None:
    """All models of a scale: mean over images, interval, difference to the baseline, and each script."""
    baseline = next((score for score in scores if score.model == baseline_name), hr)
    print(f"\n### x{scores[0].scale}, `{scores[0].degradation}`\n")
    print(f"| model | all | 95 % | minus {baseline.model} | " + " | ".join(hr.scripts) + " |")
    print("|---|---|---|---|" + "---|" * len(hr.scripts))
    for score in [hr, *scores]:
        print(row(score, baseline), flush=True)


def print_sizes(by_scale: dict[int, list[TextScore]]) -> None:
    """Error rates by the height of the em square in LR, all scales together."""
    rates: dict[tuple[float, int], dict[str, list[float]]] = {}
    for scale, scores in by_scale.items():
        for score in scores:
            name = score.model.replace(f"-x{scale}", "")
            for reading in score.readings.values():
                rates.setdefault((reading.size / scale, scale), {}).setdefault(name, []).append(reading.rate)
    names = list(next(iter(rates.values())))
    print("\n### By size\n")
    print("| LR em, pixels | scale | " + " | ".join(names) + " |")
    print("|---|---|" + "---|" * len(names))
    for (size, scale), found in sorted(rates.items()):
        cells = [percent(float(np.mean(found[name]))) for name in names]
        print(f"| {size:.1f} | x{scale} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--vivid", nargs="*", type=float, default=[], help="positions of the dial of balanced")
    parser.add_argument("--weights", choices=("clean", "photo"), default="clean", help="of --vivid")
    parser.add_argument("--baseline", default="bicubic", help="from which the others' errors are subtracted")
    parser.add_argument("--scales", nargs="+", type=int, default=[2, 3, 4])
    parser.add_argument("--scripts", nargs="+", default=list(SCRIPTS))
    parser.add_argument("--degradation", default="bicubic")
    parser.add_argument("--count", type=int, default=12, help="images of each script")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--image", type=Path, help="only write examples, at scale 3, to this image file")
    given = parser.parse_args()
    if given.image is not None:
        write_examples(given.image, models=given.models, degradation=given.degradation, seed=given.seed)
        return
    images = render_images(scripts=given.scripts, count=given.count, seed=given.seed)
    characters = sum(len(image.truth) for image in images)
    print(f"{reader_version()}, {len(images)} images, {characters} characters, seed {given.seed}")
    (hr,) = score_text(["hr"], images, scale=given.scales[0], degradation=given.degradation)
    by_scale: dict[int, list[TextScore]] = {}
    for scale in given.scales:
        models = [model.format(scale=scale) for model in given.models]
        with tempfile.TemporaryDirectory() as folder:
            models += [write_vivid(at, Path(folder), scale=scale, weights=given.weights) for at in given.vivid]
            scores = score_text(
                models,
                images,
                scale=scale,
                degradation=given.degradation,
                seed=given.seed,
                threads=1,
                report=lambda model, score: print(f"{model}: {percent(score.rate())} %", file=sys.stderr, flush=True),
            )
        by_scale[scale] = [dataclasses.replace(score, model=shorten(score.model)) for score in scores]
        print_scale(by_scale[scale], hr, baseline_name=given.baseline.format(scale=scale))
    print_sizes(by_scale)
    if given.json is not None:
        values = [score.to_json() for scores in by_scale.values() for score in scores]
        given.json.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")


def shorten(model: str) -> str:
    """The name of a written graph instead of its path."""
    return Path(model).stem if model.endswith(".onnx") else model


def write_vivid(position: float, folder: Path, *, scale: int, weights: Literal["clean", "photo"]) -> str:
    """Write the graph of ``balanced`` at a position of its dial; the path is its name as a model."""
    dial = Dial("vivid", position)
    plan = plan_dial("balanced", PRESETS["balanced"].family, dial, scale=scale, domain=weights)
    first, second = (pretrained.locate(str(name), ".onnx") for name in plan.pairs[0])
    path = folder / f"vivid-{position:g}-x{scale}.onnx"
    path.write_bytes(interpolate_graphs(first, Toward(second, position)).content)
    return str(path)


def write_examples(path: Path, *, models: list[str], degradation: str, seed: int) -> None:
    """A row for each model, a column for each image: the upscaled text, and below it the text that was read."""
    scale = 3
    rendered = render_images(count=max(number for _, number in SHOWN) + 1, seed=seed)
    by_name = {image.name: image for image in rendered}
    shown = [by_name[f"{script}-{number:02d}"] for script, number in SHOWN]
    upscaled = {
        model: [upscale_text(model, image, scale=scale, degradation=degradation)[1] for image in shown]
        for model in ["hr", *(model.format(scale=scale) for model in models if model not in ("hr", "lr"))]
    }
    rows = [
        [make_cell(model, image, sr) for image, sr in zip(shown, row, strict=True)] for model, row in upscaled.items()
    ]
    columns = [stack([row[number] for row in rows]) for number in range(len(shown))]
    height = max(column.shape[0] for column in columns)
    page = [np.pad(column, ((0, height - column.shape[0]), (0, 12), (0, 0)), constant_values=255) for column in columns]
    Image.from_array(np.concatenate(page, axis=1)).save(path, overwrite=True)


def make_cell(model: str, image: TextImage, sr: np.ndarray) -> np.ndarray:
    """An image with its caption: model, error rate, and the text that was read."""
    (read,) = read_text([sr], language=SCRIPTS[image.script].language, kind=image.kind)
    caption = f"{model}, {percent(character_error_rate(image.truth, read))} %: {' '.join(read.split())}"
    font = SCRIPTS[image.script].fonts[0]
    ink = render_text(caption, font=find_font(font), family=font.family, size=12)
    strip = 255 - np.repeat(np.pad(ink, ((6, 24 - min(24, ink.shape[0])), (6, 6)))[..., None], 3, axis=2)
    return stack([sr, strip])


def stack(images: list[np.ndarray]) -> np.ndarray:
    """Images below one another, padded with white at the right."""
    width = max(image.shape[1] for image in images)
    padded = [np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)), constant_values=255) for image in images]
    return np.concatenate(padded)


if __name__ == "__main__":
    main()
