"""One of the processes of test_processes.py: gradients of an update, and runs that are interrupted and resumed."""

import json
import sys
from pathlib import Path

import torch

from kukkiri.training import AdversarialRecipe, MetaRecipe, Recipe, train
from kukkiri.training.kinds import set_up
from kukkiri.training.processes import World
from kukkiri.training.state import TrainingState
from kukkiri.training.updates import add_terms, sum_gradients


def compute_gradients(settings: Recipe, world: World) -> dict[str, torch.Tensor]:
    """The gradients of the first update and its loss, summed over the processes."""
    torch.manual_seed(settings.seed)
    setup = set_up(settings, device=torch.device("cpu"), world=world)
    state = TrainingState(setup.modules, setup.optimizers, torch.amp.GradScaler("cpu", enabled=False))
    values: dict[str, torch.Tensor] = {}
    for part in setup.parts(0):
        add_terms(values, setup.step(state, part))
    sum_gradients(state, values, world=world, stop=False)
    named = {f"{name}.{key}": p.grad for name, m in setup.modules.items() for key, p in m.named_parameters()}
    return {**{key: value for key, value in named.items() if value is not None}, **values}


def main(folder: Path) -> None:
    world = World.from_environment()
    torch.set_num_threads(1)
    kinds = {"adversarial": AdversarialRecipe, "supervised": Recipe, "meta": MetaRecipe}
    recipes = {
        name: kinds[values.pop("kind")](**values)
        for name, values in json.loads((folder / "recipes.json").read_text()).items()
    }
    with world.connected(torch.device("cpu")):
        found = {name: compute_gradients(settings, world) for name, settings in recipes.items()}
    if world.is_first:
        torch.save(found, folder / f"gradients-{world.size}.pt")
    for name, settings in recipes.items():
        values = {**vars(settings), "output": str(folder / f"runs-{world.size}")}
        train(type(settings)(**values))
        values["name"] = f"{name}-resumed"
        train(type(settings)(**values), stop_at=12)
        train(type(settings)(**values), resume=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
