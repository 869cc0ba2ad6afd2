"""Two ablations that MZSR does not have: multi-scale meta-training, and the weighted multi-step loss.

    python benchmarks/meta_studies.py train --data FOLDER [--arms NAME,NAME] [--seeds 0,1,2]
    python benchmarks/meta_studies.py table --validation FOLDER

All arms: the weights of recipes/study-meta-initialization.toml, then recipes/study-meta.toml with the same number of
updates and of tasks; they differ only in the scales of the tasks and the weights of the query losses. The table: mean
PSNR (``y-mzsr``) of central crops of the images, before adaptation and after 1 and 5 steps with the true kernel and the
learned rates; mean and standard deviation over the seeds. Seconds are CPU time of the process, one thread.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from kukkiri.checkpoints import load
from kukkiri.training import MetaRecipe, read_recipe, train
from kukkiri.training.meta import MetaValidation

RECIPES = Path(__file__).parents[1] / "recipes"
INITIALIZATION = "study-meta-initialization"
ARMS = {
    "x2, equal weights": ["scale=2"],
    "x2, annealed weights": ["scale=2", "weighting=annealed"],
    "x2, last step only": ["scale=2", "weighting=last"],
    "x4, equal weights": ["scale=4"],
    "x2 + x3 + x4, equal weights": ["scale=2", "scales=[2, 3, 4]"],
}
SCALES = {name: (2, 4) if "+" in name else (int(name[1]),) for name in ARMS}
KERNELS = {
    2: ("gaussian:0.2+direct", "gaussian:2.0+direct", "gaussian:4.0,1.0,-0.5+direct"),
    4: ("gaussian:0.5+direct", "gaussian:2.0+direct", "gaussian:8.0,2.0,-0.5+direct"),
}
SHOWN = (0, 1, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("train", "table"))
    parser.add_argument("--data", default="data/train")
    parser.add_argument("--validation", default="data/FreeVal16")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--arms", default=";".join(ARMS), help="names, split by semicolons")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    runs = [(arm, int(seed)) for seed in options.seeds.split(",") for arm in options.arms.split(";")]
    if options.action == "train":
        train_all(runs, options)
    else:
        table(runs, options)


def name_of(arm: str, seed: int) -> str:
    return "study-meta-" + "".join(letter if letter.isalnum() else "-" for letter in f"{arm}-{seed}")


def recipe(arm: str, seed: int, options: argparse.Namespace) -> MetaRecipe:
    shared = [
        f"data={options.data}",
        f"output={options.runs}",
        f"weights={options.runs / INITIALIZATION / 'weights.safetensors'}",
    ]
    return read_recipe(RECIPES / "study-meta.toml", [*shared, f"name={name_of(arm, seed)}", f"seed={seed}", *ARMS[arm]])


def train_all(runs: list[tuple[str, int]], options: argparse.Namespace) -> None:
    """Train the common initialization, then every arm; unfinished runs are resumed, finished ones are kept."""
    overrides = [f"data={options.data}", f"output={options.runs}"]
    train(read_recipe(RECIPES / f"{INITIALIZATION}.toml", overrides), resume=True)
    for arm, seed in runs:
        settings = recipe(arm, seed, options)
        if (settings.folder / "seconds.json").exists():
            continue
        begun = time.process_time()
        train(settings, resume=True)
        (settings.folder / "seconds.json").write_text(json.dumps(time.process_time() - begun), encoding="utf-8")
        print("trained", settings.name, flush=True)


def table(runs: list[tuple[str, int]], options: argparse.Namespace) -> None:
    """One row for an arm and a scale at which it is tested."""
    torch.set_num_threads(1)
    print("| tasks | tested at | kernel | before | 1 step | 5 steps | seconds |\n|---|---|---|---|---|---|---|")
    for arm in dict.fromkeys(arm for arm, _ in runs):
        recipes = [recipe(arm, seed, options) for name, seed in runs if name == arm]
        trained = [settings for settings in recipes if (settings.folder / "seconds.json").exists()]
        seconds = [(settings.folder / "seconds.json").read_text(encoding="utf-8") for settings in trained]
        spent = statistics.mean(float(text) for text in seconds)
        for scale in SCALES[arm]:
            curves = {
                kernel: [curve(settings, scale=scale, kernel=kernel, options=options) for settings in trained]
                for kernel in KERNELS[scale]
            }
            means = [
                [statistics.mean(values) for values in zip(*of_seed, strict=True)]
                for of_seed in zip(*curves.values(), strict=True)
            ]
            for kernel, found in {**curves, "mean": means}.items():
                cells = [spread([psnrs[step] for psnrs in found]) for step in SHOWN]
                print(
                    f"| {arm} | x{scale} | {kernel.removesuffix('+direct')} | {' | '.join(cells)} | {spent:.0f} |",
                    flush=True,
                )


def curve(trained: MetaRecipe, *, scale: int, kernel: str, options: argparse.Namespace) -> tuple[float, ...]:
    """PSNR after 0 to 5 steps of a trained arm."""
    rates = json.loads((trained.folder / "rates.json").read_text(encoding="utf-8"))
    tested = MetaRecipe(
        name=trained.name,
        network=trained.network,
        scale=scale,
        inner_steps=trained.inner_steps,
        validation=options.validation,
        validation_images=16,
        validation_degradations=(kernel,),
    )
    return MetaValidation.from_recipe(tested).curve(load(trained.folder / "weights.safetensors").module, rates=rates)


def spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.2f} ± {deviation:.2f}"


if __name__ == "__main__":
    main()
