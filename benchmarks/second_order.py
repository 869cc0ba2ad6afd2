"""Second-order attention on textures: trains three arms with three seeds, scores them, prints the table.

    python benchmarks/second_order.py train --data FOLDER --validation FOLDER [--arms none,first,second] [--seeds 0,1,2]
    python benchmarks/second_order.py table --sets FOLDER

The arms are recipes/study-attention-*.toml and differ only in ``attention``. The texture-rich and the edge-rich third
of B100 are those with the least and the greatest coherence of the structure tensor, which is 1 where all gradients of a
neighbourhood share a direction (an edge) and 0 where they have none (a texture), averaged with the gradients' energy as
weight.
"""

import argparse
import json
import statistics
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from kukkiri.evaluation import evaluate, find_sets
from kukkiri.images import rgb_to_y
from kukkiri.training import read_recipe, train

ARMS = ("none", "first", "second")
RECIPES = Path(__file__).parents[1] / "recipes"
NEIGHBOURHOOD = 2.0  # sigma of the structure tensor, in pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("train", "table"))
    parser.add_argument("--data", default="data/train")
    parser.add_argument("--validation", default="data/FreeVal16")
    parser.add_argument("--sets", type=Path, default=Path("data"), help="folder with Set5, Set14 and B100")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    runs = [(arm, int(seed)) for seed in options.seeds.split(",") for arm in options.arms.split(",")]
    if options.action == "train":
        for arm, seed in runs:
            train_one(arm, seed, options)
    else:
        table(runs, options)


def name_of(arm: str, seed: int) -> str:
    return f"study-attention-{arm}-{seed}"


def train_one(arm: str, seed: int, options: argparse.Namespace) -> None:
    recipe = read_recipe(
        RECIPES / f"study-attention-{arm}.toml",
        [
            f"name={name_of(arm, seed)}",
            f"seed={seed}",
            f"data={options.data}",
            f"validation={options.validation}",
            f"output={options.runs}",
        ],
    )
    train(recipe, resume=True)
    print("trained", recipe.name, flush=True)


def coherence(luma: np.ndarray) -> float:
    """Energy-weighted mean coherence of the structure tensor."""
    rows, columns = np.gradient(luma)
    products = (rows * rows, columns * columns, rows * columns)
    yy, xx, xy = (gaussian_filter(product, NEIGHBOURHOOD) for product in products)
    energy = xx + yy
    ordered = np.hypot(xx - yy, 2 * xy)
    return float(ordered.sum() / energy.sum())


def split(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the texture-rich and of the edge-rich third of a set."""
    (images,) = find_sets(folder)
    values = {image.name: coherence(rgb_to_y(image.rgb / 255.0)) for image in images.images(scale=1)}
    ordered = sorted(values, key=values.__getitem__)
    third = len(ordered) // 3
    return ordered[:third], ordered[-third:]


def table(runs: list[tuple[str, int]], options: argparse.Namespace) -> None:
    texture, edges = split(options.sets / "B100")
    columns = ("Set5", "Set14", "B100", "texture third", "edge third")
    scores: dict[str, dict[str, list[float]]] = {arm: {column: [] for column in columns} for arm in ARMS}
    for arm, seed in runs:
        weights = options.runs / name_of(arm, seed) / "weights.safetensors"
        for column in columns[:3]:
            result = evaluate(str(weights), data=options.sets / column, scale=2).sets[column]
            scores[arm][column].append(result.mean.psnr)
            if column == "B100":
                for kind, names in (("texture third", texture), ("edge third", edges)):
                    scores[arm][kind].append(statistics.mean(result.images[name].psnr for name in names))
    print(f"| attention | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for arm in ARMS:
        cells = [f"{statistics.mean(values):.3f} ± {spread(values):.3f}" for values in scores[arm].values()]
        print(f"| {arm} | {' | '.join(cells)} |")
    print(json.dumps(scores))


def spread(values: list[float]) -> float:
    """Standard deviation over the seeds."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
