"""Put meta-learned initializations into the package.

``python tools/ship_initializations.py runs/context-x2-direct --sets FOLDER``

For each run folder: the best weights as safetensors with their final description, and the card, which holds the
learning rates of ten steps and the scores on Set5 in FOLDER before and after 1 and 10 steps, measured here. Weights
that are conditioned on the kernel get an ONNX graph, too, whose second input is the condition.

``python tools/ship_initializations.py --graphs`` writes the graphs of the initializations in the package again.
"""

import argparse
import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

from ship_weights import identify, read_recipe_and_score, save_described

from kukkiri import pretrained
from kukkiri.adaptation.contenders import adapting_models
from kukkiri.checkpoints import export_onnx, load, save_safetensors
from kukkiri.evaluation import evaluate_many
from kukkiri.info import Condition

STEPS = (0, 1, 10)
DEGRADATIONS = {
    ("direct", 2): ("gaussian:0.2+direct", "gaussian:2.0+direct", "gaussian:4.0,1.0,-0.5+direct"),
    ("bicubic", 2): ("gaussian:1.3+bicubic",),
    ("direct", 4): ("gaussian:2.0+direct",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--sets", type=Path, help="folder with Set5; needed for runs")
    parser.add_argument("--graphs", action="store_true", help="write the graphs of what is shipped again")
    parser.add_argument("--package", type=Path, default=Path(pretrained.__file__).parent)
    parser.add_argument("--code-rates", nargs=10, type=float, help="rates of the code, when no rates were learned")
    parser.add_argument("--other-rates", nargs=10, type=float, help="rates of all other parameters, with --code-rates")
    arguments = parser.parse_args()
    if arguments.graphs:
        for name in pretrained.list_initializations():
            ship_graph(arguments.package / f"{name}.safetensors")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    for run in arguments.runs:
        given = {"code": arguments.code_rates, "*": arguments.other_rates}
        given = {name: rates for name, rates in given.items() if rates is not None}
        ship(run, sets=arguments.sets, package=arguments.package, commit=commit.strip(), given_rates=given)


def ship(run: Path, *, sets: Path, package: Path, commit: str, given_rates: dict[str, list[float]]) -> None:
    target = save_described(run, package=package)
    loaded = load(target)
    info = loaded.info
    recipe, best = read_recipe_and_score(run)
    card: dict[str, Any] = {
        **identify(loaded),
        "steps": recipe["steps"],
        "validation": {
            "set": "FreeVal16, crops",
            "protocol": "y-mzsr",
            "degradations": recipe["validation_degradations"],
            "psnr": [round(value, 4) for value in best["curve"]],
            "step": best["step"],
        },
        "adaptation": {
            "scale": info.scale,
            "subsample": recipe["subsample"],
            "loss": "l1",
            "rates": given_rates or extend_rates(json.loads((run / "rates.json").read_text(encoding="utf-8"))),
            "kernel_conditioned": recipe["kernel_conditioned"],
            "max_side": None,
        },
        "commit": commit,
        "licence": info.licence,
        "sha256": info.sha256,
    }
    path = target.with_suffix(".json")
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    ship_graph(target)
    card["scores"] = {"protocol": "y-mzsr", "set": "Set5", "steps": list(STEPS)}
    for degradation in DEGRADATIONS[recipe["subsample"], info.scale]:
        found = score(target, degradation, data=sets / "Set5", scale=info.scale)
        card["scores"][degradation] = found
        print(info.name, degradation, *found["psnr"])
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def ship_graph(weights: Path) -> None:
    """Tell a network's condition in its weights, and write it as ONNX beside them."""
    about = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))["adaptation"]
    if not about["kernel_conditioned"]:
        return
    loaded = load(weights)
    condition = Condition(kind="covariance", length=3, subsample=about["subsample"])
    info = dataclasses.replace(loaded.info, condition=condition)
    save_safetensors(loaded.module, weights, info=info, overwrite=True)
    export_onnx(loaded.module, weights.with_suffix(".onnx"), info=info, overwrite=True)
    print(weights.with_suffix(".onnx"))


def extend_rates(learned: dict[str, list[float]]) -> dict[str, list[float]]:
    """Extend learned rates to ten steps with the last one; a parameter whose rates are all zero is left out."""
    return {name: (values + values[-1:] * 10)[:10] for name, values in learned.items() if any(values)}


def score(initialization: Path, degradation: str, *, data: Path, scale: int) -> dict[str, list[float]]:
    """Compute the means over a set after each of ``STEPS``, with the true kernel."""
    models = adapting_models([], [str(initialization)], steps=STEPS, threads=1)
    found = evaluate_many(models, data=data, scales=[scale], protocol="y-mzsr", degradation=degradation)
    means = [scored.sets[data.name].mean for scored in found]
    return {"psnr": [round(mean.psnr, 4) for mean in means], "ssim": [round(mean.ssim, 6) for mean in means]}


if __name__ == "__main__":
    main()
