"""Every loss in words and as JSON Schema, for the reference and for editors."""

import inspect
from dataclasses import dataclass

from torch import nn

from kukkiri.info import JSON
from kukkiri.losses.arguments import Argument, argument_schema, read_arguments, read_needs
from kukkiri.losses.registry import LOSSES

__all__ = ["LossDescription", "describe_losses", "loss_schema"]

_SHARE: dict[str, JSON] = {"type": "number", "minimum": 0, "maximum": 1}


@dataclass(frozen=True)
class LossDescription:
    """A loss as its docstring and its signature tell it."""

    name: str
    """Its key in ``LOSSES``."""
    summary: str
    """The first paragraph of its docstring, on one line; empty when it has none."""
    needs: tuple[str, ...]
    """Inputs besides sr and hr, sorted."""
    arguments: tuple[Argument, ...]
    """Keys that a recipe may set besides weight, from and until, with type and default."""


def describe_losses() -> tuple[LossDescription, ...]:
    """Describe every entry of ``LOSSES``, in its order."""
    described = []
    for name, loss in LOSSES.items():
        documented = type(loss) if isinstance(loss, nn.Module) else loss
        paragraph = (inspect.getdoc(documented) or "").split("\n\n")[0]
        needs = tuple(sorted(read_needs(loss)))
        described.append(LossDescription(name, " ".join(paragraph.split()), needs, read_arguments(loss)))
    return tuple(described)


def loss_schema() -> dict[str, JSON]:
    """Return the JSON Schema of a recipe's ``loss``: a name, or a table of weights and of tables."""
    losses = describe_losses()
    names: list[JSON] = [loss.name for loss in losses]
    terms: dict[str, JSON] = {loss.name: _term_schema(loss) for loss in losses}
    table: dict[str, JSON] = {
        "type": "object",
        "properties": terms,
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {"anyOf": [{"type": "string", "enum": names}, table]}


def _term_schema(loss: LossDescription) -> dict[str, JSON]:
    weight: dict[str, JSON] = {"type": "number", "minimum": 0}
    properties: dict[str, JSON] = {
        "weight": {**weight, "default": 1.0},
        "from": {**_SHARE, "default": 0.0},
        "until": {**_SHARE, "default": 1.0},
    }
    for argument in loss.arguments:
        if argument.name in properties:  # parse_loss refuses an argument of that name in a table
            continue
        default = list(argument.default) if isinstance(argument.default, tuple) else argument.default
        properties[argument.name] = {**argument_schema(argument.kind), "default": default}
    table: dict[str, JSON] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"description": loss.summary, "anyOf": [weight, table]}
