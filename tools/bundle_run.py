"""Train a bundle until it is done or SIGTERM comes, then validate and print the throughput; train_bundle.sh calls it.

Exits 0 when all steps are done, 143 when a signal ended the run; its checkpoint is written in both cases.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from kukkiri.checkpoints import load
from kukkiri.devices import resolve_device
from kukkiri.errors import KukkiriError
from kukkiri.profiling.torch_cost import count_multiply_adds
from kukkiri.signals import Interrupted, raise_on_signals
from kukkiri.training import Recipe, TrainingProgress, read_recipe, train
from kukkiri.training.kinds import set_up
from kukkiri.training.processes import World
from kukkiri.training.run_folder import RunFolder
from kukkiri.training.schedules import sizes_at
from kukkiri.training.state import TrainingState
from kukkiri.training.validating import validate

OPERATIONS = 6  # of training for each multiply-add of the network: forward and twice that backward, two operations each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_args()
    try:
        with raise_on_signals():
            code = run(read_bundle(arguments.bundle, out=arguments.out, overrides=arguments.overrides))
    except KukkiriError as error:
        parser.exit(1, f"{error}\n")
    except Interrupted as error:  # before the first step, or again while it ends
        parser.exit(128 + error.signal, "interrupted\n")
    parser.exit(code)


def read_bundle(bundle: Path, *, out: Path, overrides: Sequence[str]) -> Recipe:
    """Read the recipe of a bundle, with the bundle's own data."""
    saved = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["overrides"]
    places = [f"data={bundle / 'data'}", f"output={out}"]
    places.append(f"validation={bundle / 'validation' if (bundle / 'validation').is_dir() else ''}")
    places += [f"weights={path}" for path in bundle.glob("weights.*")]
    return read_recipe(bundle / "recipe.toml", [*saved, *places, *overrides])


def run(recipe: Recipe) -> int:
    """Train, and print the results; return the exit code."""
    lines: list[TrainingProgress] = []
    began, code = time.monotonic(), 0

    def report(line: TrainingProgress) -> None:
        lines.append(line)
        speed, left = f"{line.patches_per_second:.0f} patches/s", f"{line.seconds_left:.0f} s left"
        psnr = "" if line.psnr is None else f"  {line.psnr:.3f} dB"
        print(f"{line.step}/{line.steps}  loss {line.loss:.5f}  {speed}  {left}{psnr}", flush=True)

    try:
        train(recipe, resume=True, report=report)
    except Interrupted as error:
        code = 128 + error.signal
    seconds = time.monotonic() - began
    finished = not code and lines
    summary = summarize_finished(lines, steps=recipe.steps) if finished else score_checkpoint(recipe)
    summary |= {"seconds": round(seconds, 1), "device": describe_device(recipe), **measure_throughput(recipe, lines)}
    path = recipe.folder / "summary.json"
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    for key, value in summary.items():
        print(f"{key}: {value}")
    print(f"{recipe.folder}: {'interrupted' if code else 'all steps are done'}")
    return code


def score_checkpoint(recipe: Recipe) -> dict[str, object]:
    """Validate the weights of the checkpoint of a run that a signal ended; they are kept when they are the best."""
    device = resolve_device(recipe.device)
    with RunFolder.opened(recipe, resume=True) as folder:
        if not folder.checkpoint.exists():
            return {"step": 0, "steps": recipe.steps}
        setup = set_up(recipe, device=device, world=World())
        scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        state = TrainingState(setup.modules, setup.optimizers, scaler, scored_on=setup.scored_on)
        state.restore(folder.checkpoint, recipe=recipe, fingerprint=setup.fingerprint)
        nothing = TrainingProgress(state.step, recipe.steps, 0.0, 0.0, 0.0, 0.0)
        line = validate(setup, state, nothing, folder=folder)
        state.save(folder.checkpoint, recipe=recipe, fingerprint=setup.fingerprint)  # with the best score so far
        setup.close()
    return {"step": state.step, "steps": recipe.steps, "psnr": line.psnr, "best": state.best if line.psnr else None}


def summarize_finished(lines: Sequence[TrainingProgress], *, steps: int) -> dict[str, object]:
    """Describe a run that is done; its last line is a validation."""
    psnrs = [line.psnr for line in lines if line.psnr is not None]
    return {"step": steps, "steps": steps, "psnr": psnrs[-1] if psnrs else None}


def measure_throughput(recipe: Recipe, lines: Sequence[TrainingProgress]) -> dict[str, float]:
    """Return patches and counted operations per second: medians over the lines after the first, which warms up."""
    weights = recipe.folder / "weights.safetensors"
    measured = lines[1:] or lines
    if not measured or not weights.exists():
        return {}
    loaded = load(weights)
    channels = 3 if loaded.info.colour == "rgb" else 1
    upscaled = recipe.scale if loaded.module.pre_upsampled else 1
    patches = {line.step: sizes_at(recipe, line.step - 1)[0] for line in measured}
    adds = {
        patch: count_multiply_adds(loaded.module.eval(), channels=channels, side=patch * upscaled)
        for patch in set(patches.values())
    }
    rates = [OPERATIONS * adds[patches[line.step]] * line.patches_per_second for line in measured]
    return {
        "patches_per_second": round(statistics.median(line.patches_per_second for line in measured), 1),
        "tflops": float(f"{statistics.median(rates) / 1e12:.4g}"),
        "multiply_adds_per_patch": adds[patches[measured[-1].step]],
        "data_share": round(statistics.median(line.data_share for line in measured), 4),
    }


def describe_device(recipe: Recipe) -> str:
    device = resolve_device(recipe.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    return f"{device} ({name}), {recipe.precision}, torch {torch.__version__}"


if __name__ == "__main__":
    main()
