"""Put trained weights into the package: ``python tools/ship_weights.py runs/espcn-x3 --sets FOLDER``.

For each run folder: the best weights as safetensors with their final description, the ONNX graph verified
against them, and the card, whose scores are measured here from the ONNX graph on Set5, Set14 and B100 in FOLDER. A
network that is conditioned on the degradation is scored on Set5, and given the degradations of its validation.
``--toward MODEL --alpha A`` ships weights between the run's (0) and those of another model (1), such as the one that
the run was started from; the card says so, and its validation is still the run's.
"""

import argparse
import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from kukkiri import pretrained
from kukkiri.checkpoints import Loaded, export_onnx, interpolate_weights, load, save_safetensors
from kukkiri.evaluation import ConditionedModel, evaluate, evaluate_many
from kukkiri.info import Condition

TRAINING_DATA = (
    "321 freely licensed images (230 photographs, paintings, textures, drawn and rendered text), 77 megapixels; "
    "origins, authors and licences in docs/training-data.tsv"
)
LATER_DATA = (
    "577 freely licensed images (408 photographs, paintings, textures, drawn and rendered text), 137 megapixels; "
    "origins, authors and licences in docs/training-data.tsv"
)
PHOTOGRAPHS_DATA = (
    "499 freely licensed images (408 photographs, paintings, textures, rendered text); origins, authors and licences "
    "in docs/training-data.tsv"
)
LINE_DATA = (
    "69 of the line_* images and 178 of the photographs of docs/training-data.tsv, and the text, icons, lines, pixel "
    "patterns and screenshots that are drawn by tools/make_line_pairs.py and tools/make_screenshot_pairs.py; origins, "
    "authors and licences in docs/training-data.tsv"
)
PHOTO = "bicubic+jpeg:60"
"""The degradation on which photo weights are scored, besides bicubic."""
SETS = ("Set5", "Set14", "B100")


class Toward(NamedTuple):
    """The model towards which the weights of a run are interpolated."""

    toward: str
    alpha: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--sets", type=Path, required=True, help="folder with Set5, Set14 and B100")
    parser.add_argument("--package", type=Path, default=Path(pretrained.__file__).parent)
    parser.add_argument("--toward", help="a model of the same network, towards which the weights are interpolated")
    parser.add_argument("--alpha", type=float, default=0.0, help="of --toward, from 0 to 1")
    arguments = parser.parse_args()
    toward = Toward(arguments.toward, arguments.alpha) if arguments.toward else None
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    for run in arguments.runs:
        ship(run, sets=arguments.sets, package=arguments.package, commit=commit.strip(), toward=toward)


def ship(run: Path, *, sets: Path, package: Path, commit: str, toward: Toward | None) -> None:
    target = save_described(run, package=package, toward=toward)
    loaded = load(target)
    info = loaded.info
    graph = target.with_suffix(".onnx")
    export_onnx(loaded.module, graph, info=info, overwrite=True)
    recipe, scored = read_recipe_and_score(run)
    if info.condition is not None:
        ship_conditioned(loaded, target, info.condition, recipe=recipe, scored=scored, sets=sets, commit=commit)
        return
    scores = [measure(graph, sets=sets, scale=info.scale, degradation="bicubic")]
    if (recipe.get("validation_degradation") or recipe["degradation"]) != "bicubic":
        scores.append(measure(graph, sets=sets, scale=info.scale, degradation=PHOTO))
    card = {
        **identify(loaded),
        "steps": recipe["steps"],
        **({} if toward is None else {"interpolated": toward._asdict()}),
        "validation": {
            "set": " and ".join(recipe.get("validation_sets") or ["FreeVal16"]),
            "protocol": "y-matlab",
            "degradation": recipe.get("validation_degradation") or recipe["degradation"],
            "psnr": round(scored["psnr"], 4),
            "step": scored["step"],
        },
        "scores": scores[0],
        **({"photo_scores": scores[1]} if len(scores) > 1 else {}),
        "commit": commit,
        "licence": info.licence,
        "sha256": info.sha256,
    }
    target.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    for scored in scores:
        means = (f"{name} {mean['psnr']:.3f}" for name, mean in scored["sets"].items())
        print(info.name, scored["degradation"], *means)


def ship_conditioned(
    loaded: Loaded,
    target: Path,
    condition: Condition,
    *,
    recipe: dict[str, Any],
    scored: dict[str, Any],
    sets: Path,
    commit: str,
) -> None:
    """Write the card of a network that is conditioned on the degradation."""
    info = loaded.info
    degradations = recipe["validation_degradations"]
    card = {
        **identify(loaded),
        "steps": recipe["steps"],
        "validation": {
            "set": "FreeVal16, crops",
            "degradations": degradations,
            "psnr": round(scored["psnr"], 4),
            "step": scored["step"],
        },
        "conditioned": {"kind": condition.kind, "subsample": condition.subsample, "noise": condition.noise},
        "commit": commit,
        "licence": info.licence,
        "sha256": info.sha256,
    }
    path = target.with_suffix(".json")
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")  # so that it is found by its name
    card["scores"] = {"protocol": "y-mzsr", "set": "Set5"}
    blurred = [f"gaussian:2.0+{each}" for each in degradations] if condition.kind == "noise" else degradations
    for degradation in blurred:
        scores = measure_conditioned(
            str(target.with_suffix(".onnx")), degradation, data=sets / "Set5", scale=info.scale
        )
        card["scores"][degradation] = scores
        print(info.name, degradation, scores["psnr"])
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def measure_conditioned(model: str, degradation: str, *, data: Path, scale: int) -> dict[str, float]:
    """Measure PSNR and SSIM of a network that is given the true degradation."""
    (found,) = evaluate_many(
        [ConditionedModel(model=model, threads=1)],
        data=data,
        scales=[scale],
        protocol="y-mzsr",
        degradation=degradation,
    )
    mean = found.sets[data.name].mean
    return {"psnr": round(mean.psnr, 4), "ssim": round(mean.ssim, 6)}


def save_described(run: Path, *, package: Path, toward: Toward | None = None) -> Path:
    """Put the best weights of a run into the package, with their training data and licence."""
    loaded = load(run / "weights.safetensors")
    name = loaded.info.name
    module = loaded.module
    if toward is not None:
        module = interpolate_weights(loaded, load(toward.toward), toward.alpha).module
    later = LATER_DATA if name.startswith(("video", "sesr")) or "-vivid-" in name else TRAINING_DATA
    data = LINE_DATA if "-line-" in name else later
    data = PHOTOGRAPHS_DATA if name.startswith("srmd-s") else data
    info = dataclasses.replace(loaded.info, training_data=data, licence="Apache-2.0", sha256="")
    target = package / f"{info.name}.safetensors"
    save_safetensors(module, target, info=info, overwrite=True)
    return target


def read_recipe_and_score(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the recipe of a run, and the line of its log that scores the saved weights: the best, of a GAN the last."""
    recipe = json.loads((run / "recipe.json").read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    scored = [line for line in lines if line["psnr"] is not None]
    return recipe, scored[-1] if "discriminator" in recipe else max(scored, key=lambda line: line["psnr"])


def identify(loaded: Loaded) -> dict[str, Any]:
    """Make the first entries of a card."""
    info = loaded.info
    return {
        "name": info.name,
        "network": info.network,
        "scale": info.scale,
        "colour": info.colour,
        "parameters": sum(parameter.numel() for parameter in loaded.module.parameters()),
        "receptive_field": info.receptive_field,
        "training_data": info.training_data,
        "recipe": f"recipes/{info.name}.toml",
    }


def measure(graph: Path, *, sets: Path, scale: int, degradation: str) -> dict[str, Any]:
    """Measure PSNR and SSIM of a graph on Set5, Set14 and B100."""
    scores = {}
    for name in SETS:
        mean = evaluate(str(graph), data=sets / name, scale=scale, degradation=degradation).sets[name].mean
        scores[name] = {"psnr": round(mean.psnr, 4), "ssim": round(mean.ssim, 6)}
    return {"protocol": "y-matlab", "degradation": degradation, "sets": scores}


if __name__ == "__main__":
    main()
