"""JSON Schema of recipe files, for editors: made of the fields of the recipes, their types and their docstrings."""

import ast
import dataclasses
import inspect
import textwrap
import types
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Union, get_args, get_origin, get_type_hints

from kukkiri.losses import ADVERSARIAL_LOSSES, LOSSES, loss_schema
from kukkiri.networks import DISCRIMINATORS, NETWORKS
from kukkiri.training.conditioned.recipe import CONDITIONED_CHOICES, KERNEL_KINDS
from kukkiri.training.kinds import KINDS
from kukkiri.training.meta.recipe import META_CHOICES
from kukkiri.training.recipe import CHOICES
from kukkiri.training.recipe_files import file_key, is_json

__all__ = ["read_field_docs", "recipe_schema"]

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of a recipe file of any kind."""
    choices: dict[str, Any] = {name: {"type": "string", "enum": list(known)} for name, known in _choices().items()}
    losses = loss_schema()
    special = {
        **choices,
        "network": {"type": "string", "enum": sorted(NETWORKS)},
        "loss": losses,
        "final_loss": {"anyOf": [losses, {"const": ""}]},
        "discriminator": {"type": "string", "enum": sorted(DISCRIMINATORS)},
        "adversarial_loss": {"type": "string", "enum": sorted(ADVERSARIAL_LOSSES)},
        "inner_loss": {"type": "string", "enum": sorted(LOSSES)},
        "kernels": {
            "type": "object",
            "propertyNames": {"enum": list(KERNEL_KINDS)},
            "additionalProperties": {"type": "number"},
        },
    }
    kinds = {name: _dataclass_schema(kind, special) for name, kind in KINDS.items()}
    for name, schema in kinds.items():
        schema["properties"] = {"kind": {"const": name, "description": "Kind of training."}, **schema["properties"]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A training recipe of kukkiri",
        "type": "object",
        **_choose(kinds),
    }


def _choose(kinds: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema that holds by the value of ``kind``, which is ``supervised`` where it is missing."""
    chosen = kinds["supervised"]
    for name in sorted(kinds.keys() - {"supervised"}):
        chosen = {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": kinds[name],
            "else": chosen,
        }
    return chosen


def _choices() -> dict[str, tuple[str, ...]]:
    return {**CHOICES, **META_CHOICES, **CONDITIONED_CHOICES}


def _dataclass_schema(kind: type, special: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a dataclass; ``special`` has that of fields whose type does not say all."""
    hints, docs = get_type_hints(kind), read_field_docs(kind)
    properties: dict[str, Any] = {}
    required = []
    for definition in dataclasses.fields(kind):
        key = file_key(definition)
        schema = dict(special.get(key) or _type_schema(hints[definition.name], special))
        schema["description"] = docs[definition.name]
        if definition.default is not dataclasses.MISSING:
            schema["default"] = definition.default
        elif definition.default_factory is dataclasses.MISSING:
            required.append(key)
        properties[key] = schema
    closed: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**closed, "required": required} if required else closed


def _type_schema(hint: Any, special: Mapping[str, Any]) -> dict[str, Any]:
    origin, members = get_origin(hint), get_args(hint)
    if is_json(hint):
        return {}
    if hint in _TYPES:
        return {"type": _TYPES[hint]}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_type_schema(member, special) for member in members]}
    if origin is tuple:
        array = {"type": "array", "items": _type_schema(members[0], special)}
        return array if members[-1] is Ellipsis else {**array, "minItems": len(members), "maxItems": len(members)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type_schema(members[1], special)}
    return _dataclass_schema(hint, {})


def read_field_docs(kind: type) -> dict[str, str]:
    """Read the docstrings that follow the fields of a dataclass and of its bases, each on one line."""
    docs: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, text in pairwise(statements):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                value = text.value if isinstance(text, ast.Expr) else None
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    docs[field.target.id] = " ".join(value.value.split())
    return docs
