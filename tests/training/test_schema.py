import dataclasses
import tomllib
from pathlib import Path

import pytest

from kukkiri.networks import NETWORKS
from kukkiri.training import (
    AdversarialRecipe,
    ConditionedRecipe,
    CorrectionRecipe,
    MetaRecipe,
    Recipe,
    Stage,
    ValidationSet,
)
from kukkiri.training.schema import read_field_docs, recipe_schema

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize(
    "kind", [Recipe, AdversarialRecipe, ConditionedRecipe, CorrectionRecipe, MetaRecipe, Stage, ValidationSet]
)
def test_every_field_has_a_line_of_documentation(kind):
    docs = read_field_docs(kind)
    assert [field.name for field in dataclasses.fields(kind) if not docs.get(field.name)] == []


def test_the_fields_are_described_with_type_default_and_choices():
    supervised = recipe_schema()["else"]["else"]["else"]["else"]["properties"]
    assert supervised["steps"] == {"type": "integer", "description": "Updates.", "default": 100_000}
    assert supervised["optimizer"]["enum"] == ["adam", "soap"]
    assert supervised["network"]["enum"] == sorted(NETWORKS)
    assert supervised["betas"] == {**supervised["betas"], "type": "array", "minItems": 2, "maxItems": 2}
    assert supervised["stages"]["items"]["required"] == ["from"]
    assert set(supervised["sources"]["additionalProperties"]["properties"]) >= {"folder", "lr", "hr", "weight"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_of_the_repository_are_valid(path):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(tomllib.loads(path.read_text()), recipe_schema(), cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    "change",
    [{"stepz": 3}, {"steps": "many"}, {"loss": {"l2": 1.0}}, {"stages": [{"patch": 3}]}, {"kind": "other"}],
)
def test_a_mistake_is_seen(change):
    jsonschema = pytest.importorskip("jsonschema")
    recipe = {"name": "a", "network": "espcn", "scale": 2}
    jsonschema.validate(recipe, recipe_schema(), cls=jsonschema.Draft7Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**recipe, **change}, recipe_schema(), cls=jsonschema.Draft7Validator)
