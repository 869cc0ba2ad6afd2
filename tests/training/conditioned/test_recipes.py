from pathlib import Path

import pytest

from kukkiri.training import ConditionedRecipe, read_recipe
from kukkiri.training.conditioned.forms import check_network
from kukkiri.training.conditioned.patches import crop_sides
from kukkiri.training.conditioned.validation import FixedDegradation
from kukkiri.training.supervised import make_network

FOLDER = Path(__file__).parents[3] / "recipes"
RECIPES = sorted(
    path for path in FOLDER.glob("*.toml") if 'kind = "con' in (text := path.read_text()) or 'kind = "cor' in text
)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_network_of_a_recipe_can_be_told_what_it_draws(path):
    recipe = read_recipe(path)
    assert isinstance(recipe, ConditionedRecipe)
    assert recipe.name == path.stem
    check_network(make_network(recipe, device="meta", conditioned=True), recipe)
    assert max(crop_sides(recipe)) <= 480  # HR pixels, which photographs have
    for text in recipe.validation_degradations:
        FixedDegradation.parse(text, subsample=recipe.subsample, scale=recipe.scale)


def test_all_methods_have_a_recipe():
    assert {read_recipe(path).network for path in RECIPES} == {
        "dpsr",
        "metaplain",
        "metardn",
        "modulatedplain",
        "sftmd",
        "srmd",
        "usrnet",
    }
