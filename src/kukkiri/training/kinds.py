"""The kinds of training: the recipe of each, and what sets it up."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from kukkiri.training.adversarial.recipe import AdversarialRecipe
from kukkiri.training.adversarial.steps import set_up_adversarial
from kukkiri.training.conditioned.correction import CorrectionRecipe, set_up_correction
from kukkiri.training.conditioned.recipe import ConditionedRecipe
from kukkiri.training.conditioned.steps import set_up_conditioned
from kukkiri.training.meta.recipe import MetaRecipe
from kukkiri.training.meta.steps import set_up_meta
from kukkiri.training.processes import World
from kukkiri.training.recipe import Recipe, check_choice
from kukkiri.training.recipe_files import build_recipe, read_recipe_values
from kukkiri.training.setup import Setup
from kukkiri.training.supervised import set_up_supervised

__all__ = ["KINDS", "read_recipe", "set_up"]

KINDS: dict[str, type[Recipe]] = {
    "adversarial": AdversarialRecipe,
    "conditioned": ConditionedRecipe,
    "correction": CorrectionRecipe,
    "meta": MetaRecipe,
    "supervised": Recipe,
}
"""The kinds of recipe by the value of ``kind`` in a recipe file."""

_SETUPS: dict[type[Recipe], Callable[..., Setup]] = {
    AdversarialRecipe: set_up_adversarial,
    ConditionedRecipe: set_up_conditioned,
    CorrectionRecipe: set_up_correction,
    MetaRecipe: set_up_meta,
    Recipe: set_up_supervised,
}


def set_up(recipe: Recipe, *, device: torch.device, world: World) -> Setup:
    """Make the modules of a recipe, and read its images."""
    return _SETUPS[type(recipe)](recipe, device=device, world=world)


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe from a TOML file, with ``key=value`` overrides.

    Args:
        path: a TOML file of the fields of :class:`Recipe`, or of another kind that its ``kind`` names.
        overrides: such as ``steps=2000`` or ``arguments.icnr=true``; values are TOML, or else plain text.

    Raises:
        ConfigError: unreadable file, unknown key or kind, or a value of the wrong type.
    """
    values = read_recipe_values(path, overrides)
    kind = str(values.pop("kind", "supervised"))
    check_choice("kind", kind, tuple(KINDS))
    return build_recipe(KINDS[kind], values, source=str(path))
