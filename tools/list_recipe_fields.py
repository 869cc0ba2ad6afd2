"""Print the tables of docs/reference/recipes.md; with ``--write``, put them into the page.

    python tools/list_recipe_fields.py --write

Their rows come from the fields of the recipes' dataclasses and their docstrings.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_type_hints

from marked_table import print_or_write, put_table

from kukkiri.data import DataSource
from kukkiri.training import (
    AdversarialRecipe,
    ConditionedRecipe,
    CorrectionRecipe,
    MetaRecipe,
    Recipe,
    Stage,
    ValidationSet,
)
from kukkiri.training.recipe_files import describe_type, file_key, is_json
from kukkiri.training.schema import read_field_docs

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "recipes.md"
TABLES = {
    "recipe": Recipe,
    "adversarial": AdversarialRecipe,
    "conditioned": ConditionedRecipe,
    "correction": CorrectionRecipe,
    "meta": MetaRecipe,
    "source": DataSource,
    "validation": ValidationSet,
    "stage": Stage,
}


def main() -> None:
    print_or_write(lambda: "\n\n".join(map(make_table, TABLES.values())), make_page, page=PAGE)


def make_table(kind: type) -> str:
    """A row for each key: its type, default and meaning; for another kind of training, those that differ."""
    hints, docs = get_type_hints(kind), read_field_docs(kind)
    base = kind.__mro__[1]  # a kind of training begins with the keys of another one
    shared = {field.name: field.default for field in dataclasses.fields(base)} if issubclass(base, Recipe) else {}
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        if field.name in shared and shared[field.name] == field.default:
            continue
        meaning = docs[field.name].replace("``", "`").replace("|", "\\|")
        rows.append(f"| `{file_key(field)}` | {describe(hints[field.name])} | {default(field)} | {meaning} |")
    return "\n".join(rows)


def describe(hint: Any) -> str:
    """The type in the words of TOML."""
    words = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
    text = "any" if is_json(hint) else describe_type(hint)
    return " ".join(words.get(word, word) for word in text.split())


def default(field: "dataclasses.Field[Any]") -> str:
    """The default as TOML has it."""
    if field.default is not dataclasses.MISSING:
        value = list(field.default) if isinstance(field.default, tuple) else field.default
        return f"`{json.dumps(value)}`"
    return "none" if field.default_factory is not dataclasses.MISSING else "required"


def make_page() -> str:
    """The page with the tables of today."""
    text = PAGE.read_text(encoding="utf-8")
    for marker, kind in TABLES.items():
        text = put_table(PAGE, make_table(kind), marker=marker, text=text)
    return text


if __name__ == "__main__":
    main()
