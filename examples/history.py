"""The history of super-resolution on three images at x4: draws docs/images/history.webp and prints scores.

    python examples/history.py [FILE]

Downscaled by bicubic interpolation here, so that HR is known. Side by side: bicubic interpolation, ESPCN, FSRCNN, the
ten layers of ``balanced``, its weights with a discriminator where these are shipped, HR.
"""

import argparse
from pathlib import Path

import numpy as np

import kukkiri
from adaptation import join  # of the example beside this one
from kukkiri import pretrained
from kukkiri.errors import BackendError
from kukkiri.images import Image, read_image
from kukkiri.metrics import METRICS, PROTOCOLS, Sample
from kukkiri.resampling import resize

HERE = Path(__file__).parent
SCALE, SIDE = 4, 140
IMAGES = (("images/bee.png", 40, 60), ("images/flower.png", 60, 150), ("photographs/cat.webp", 0, 40))
"""File, top and left of the crop."""
MODELS = ("bicubic", "espcn-x4", "fsrcnn-x4", "plain-m-x4", "plain-m-vivid-x4")
JUDGES = ("psnr", "lite0-distance", "lr-psnr")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = HERE.parent / "docs" / "images" / "history.webp"
    parser.add_argument("file", nargs="?", type=Path, default=default)
    arguments = parser.parse_args()
    models = [name for name in MODELS if name == "bicubic" or name in pretrained.list_models()]
    rows, scores = [], []
    for name, top, left in IMAGES:
        hr = read_image(HERE / name).to_array()[..., :3]
        hr = np.ascontiguousarray(hr[: hr.shape[0] // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE])
        lr = resize(hr, scale=1 / SCALE)
        results = [kukkiri.Upscaler(model, scale=SCALE)(lr) for model in models]
        rows.append(join([image[top : top + SIDE, left : left + SIDE] for image in (*results, hr)], axis=1))
        scores.append([score(hr, lr, sr) for sr in results])
    Image.from_array(join(rows, axis=0)).save(arguments.file, quality=90, overwrite=True)
    for model, means in zip(models, np.mean(scores, axis=0), strict=True):
        shown = (f"{METRICS[name].title} {mean:.2f}" for name, mean in zip(JUDGES, means, strict=True))
        print(f"{model}: {', '.join(shown)}")
    print(arguments.file)


def score(hr, lr, sr):
    """The scores of a result; NaN for what needs an extra that is not installed."""
    sample = Sample(hr, lr, sr, PROTOCOLS["y-matlab"], SCALE)
    values = []
    for name in JUDGES:
        try:
            values.append(METRICS[name].value(sample))
        except BackendError:
            values.append(np.nan)
    return values


if __name__ == "__main__":
    main()
