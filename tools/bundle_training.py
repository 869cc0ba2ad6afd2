"""Pack a training for a machine that is lent for minutes: data, recipe and package in one folder, with its script.

    python tools/bundle_training.py recipes/plain-m-x2-first.toml bundle --data FOLDER --validation FOLDER batch=64
    bundle/train_bundle.sh OUT 540

The other machine needs Linux, Python 3.11 or later, NumPy and a torch (2.6 or later) for its GPU, and no network.
"""

import argparse
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from detail_pieces import choose, find_candidates, round_side, write_pieces

from kukkiri.data import LRSet, prepare, read_rgb8
from kukkiri.data.prepare import GRID
from kukkiri.errors import ConfigError, KukkiriError
from kukkiri.files import require_images
from kukkiri.training import Recipe, read_recipe

ROOT = Path(__file__).parents[1]
SCRIPTS = ("train_bundle.sh", "bundle_run.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, help="TOML file, as for kukkiri train")
    parser.add_argument("bundle", type=Path, help="folder that is made")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings that replace those of the recipe")
    parser.add_argument("--data", type=Path, help="folder of HR training images; else that of the recipe")
    parser.add_argument("--validation", type=Path, help="folder of HR validation images; else that of the recipe")
    parser.add_argument("--megabytes", type=float, default=40.0, help="of the training pixels, HR and LR (1e6 bytes)")
    parser.add_argument("--validation-megabytes", type=float, default=10.0, help="the first images that fit are packed")
    parser.add_argument("--side", type=int, default=0, help="of the sub-images in HR pixels; 0: 240, or as needed")
    parser.add_argument("--variety", type=float, default=0.25, help="share chosen evenly, and not by the most detail")
    parser.add_argument("--wheel", type=Path, help="of kukkiri; else it is built here, which needs network")
    arguments = parser.parse_intermixed_args()  # key=value texts may follow options
    try:
        pack(arguments)
    except KukkiriError as error:
        parser.exit(1, f"bundle_training.py: {error}\n")


def pack(arguments: argparse.Namespace) -> None:
    target: Path = arguments.bundle
    if target.exists():
        raise ConfigError(f"{target}: exists already. Choose another name, or remove it.")
    recipe = read_recipe(arguments.recipe, arguments.overrides)
    if type(recipe) is not Recipe:
        raise ConfigError(f"{arguments.recipe}: only supervised training can be packed, not meta-training.")
    data = arguments.data or _only_folder(recipe)
    validation = arguments.validation or (Path(recipe.validation) if recipe.validation else None)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
        bundle = Path(temporary) / "bundle"
        bundle.mkdir()
        _pack_wheels(bundle / "wheels", kukkiri=arguments.wheel)
        _pack_data(recipe, data, bundle / "data", arguments=arguments)
        if validation is not None:
            _pack_validation(recipe, validation, bundle / "validation", megabytes=arguments.validation_megabytes)
        overrides = [*arguments.overrides, "lr=", "hr=", "cache=", "sources={}", "validation_sets={}"]
        if recipe.weights:
            shutil.copy(recipe.weights, bundle / f"weights{Path(recipe.weights).suffix}")
        (bundle / "bundle.json").write_text(json.dumps({"overrides": overrides}, indent=1) + "\n", encoding="utf-8")
        shutil.copy(arguments.recipe, bundle / "recipe.toml")
        for name in SCRIPTS:
            shutil.copy(ROOT / "tools" / name, bundle / name)
        bundle.rename(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {size / 1e6:.1f} MB. On the other machine: {target.name}/train_bundle.sh OUT SECONDS")


def _only_folder(recipe: Recipe) -> Path:
    if recipe.lr or recipe.sources or not recipe.data:
        raise ConfigError("one folder of HR images can be packed: give it as --data FOLDER.")
    return Path(recipe.data)


def _pack_data(recipe: Recipe, source: Path, folder: Path, *, arguments: argparse.Namespace) -> None:
    if GRID % recipe.scale:
        raise ConfigError(f"sub-images are cut at multiples of {GRID}, which x{recipe.scale} does not divide.")
    lr_set = LRSet(recipe.scale, recipe.degradation, recipe.variants)
    smallest = recipe.scale * max(recipe.patch, *(stage.patch for stage in recipe.stages), 0)
    side = round_side(arguments.side or max(240, 1.5 * smallest))
    if side < smallest:
        raise ConfigError(f"--side {side} is smaller than a patch of {smallest} HR pixels. Raise it.")
    candidates = find_candidates(source, scale=recipe.scale, side=side, smallest=smallest)
    if not candidates:
        raise ConfigError(f"{source}: all images are smaller than a patch of {smallest} HR pixels.")
    limit = int(1e6 * arguments.megabytes)
    chosen = choose(candidates, lr_set=lr_set, limit=limit, variety=arguments.variety)
    prepared = write_pieces(source, folder, chosen, lr_set=lr_set)
    details = [candidate.detail for candidate in chosen]
    print(
        f"data: {len(chosen)} of {len(candidates)} sub-images of {side} pixels, from {len(prepared.sources)} images, "
        f"{sum(c.count_bytes(lr_set) for c in chosen) / 1e6:.1f} MB; "
        f"mean gradient {sum(details) / len(details):.1f} levels, of all "
        f"{sum(c.detail for c in candidates) / len(candidates):.1f}"
    )


def _pack_validation(recipe: Recipe, source: Path, folder: Path, *, megabytes: float) -> None:
    """Pack whole images, the first by name that fit, with the LR images that training would make of them."""
    paths = require_images(source)
    count, size = 0, 0.0
    for path in paths:
        size += read_rgb8(path).nbytes * (1 + 1 / recipe.scale**2)
        if size > 1e6 * megabytes:
            break
        count += 1
    if not count:
        raise ConfigError(f"{paths[0]}: is larger than --validation-megabytes {megabytes}. Raise it.")
    lr_set = LRSet(recipe.scale, recipe.validation_degradation or recipe.degradation)
    prepare(source, folder, lr_sets=[lr_set], limit=count)
    left_out = "" if count == len(paths) else f"; left out: {', '.join(path.name for path in paths[count:])}"
    print(f"validation: {count} of {len(paths)} images{left_out}")


def _pack_wheels(folder: Path, *, kukkiri: Path | None) -> None:
    """Pack kukkiri, and safetensors as it is installed here, for a machine that lacks it."""
    folder.mkdir()
    if kukkiri is None:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ConfigError(f"the wheel cannot be built ({done.stderr.strip()[-200:]}). Give one with --wheel FILE.")
    else:
        shutil.copy(kukkiri, folder)
    _zip_installed("safetensors", folder)


def _zip_installed(name: str, folder: Path) -> None:
    distribution = importlib.metadata.distribution(name)
    files: Sequence[importlib.metadata.PackagePath] = distribution.files or []
    with zipfile.ZipFile(folder / f"{name}-{distribution.version}.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in files:
            if file.suffix != ".pyc" and ".." not in file.parts:
                wheel.write(str(file.locate()), str(file))


if __name__ == "__main__":
    main()
