"""Needs and arguments as a signature declares them, and the check of values against their types."""

import functools
from typing import Annotated, Literal

import pytest
import torch

from kukkiri.losses import LOSSES, Range
from kukkiri.losses.arguments import Argument, argument_schema, check_argument, read_arguments, read_needs


def test_keyword_only_parameters_are_needs_without_a_default_and_arguments_with_one():
    def loss(sr, hr, positional=3, *, lr, features, epsilon: float = 0.5, words=("a",)):
        return sr

    assert read_needs(loss) == {"lr", "features"}
    assert read_arguments(loss) == (Argument("epsilon", float, 0.5), Argument("words", tuple, ("a",)))


def test_a_function_with_arguments_set_keeps_the_rest():
    bound = functools.partial(LOSSES["swt"], levels=2)
    assert read_needs(functools.partial(LOSSES["lr-consistency"])) == {"lr"}
    assert [argument.name for argument in read_arguments(bound)] == ["wavelet", "levels", "band_weights"]
    assert {argument.name: argument.default for argument in read_arguments(bound)}["levels"] == 2


def test_a_function_without_a_signature_has_neither():
    assert (read_needs(torch.dist), read_arguments(torch.dist)) == (frozenset(), ())


def test_annotations_that_cannot_be_resolved_leave_the_type_of_the_default():
    def loss(sr, hr, *, strength: "Nowhere" = 2.0):  # noqa: F821
        return sr

    assert read_arguments(loss) == (Argument("strength", float, 2.0),)


def test_only_lr_is_needed_by_the_losses_of_the_package():
    assert {name: read_needs(loss) for name, loss in LOSSES.items() if read_needs(loss)} == {"lr-consistency": {"lr"}}


POSITIVE = Annotated[float, Range(above=0.0)]
ACCEPTED = [
    (float, 1, 1.0),
    (float, -0.5, -0.5),
    (int, 3, 3),
    (bool, True, True),
    (str, "text", "text"),
    (POSITIVE, 1e-9, 1e-9),
    (Annotated[int, Range(least=1, most=3)], 3, 3),
    (Literal["a", 2], 2, 2),
    (float | None, None, None),
    (float | None, 2, 2.0),
    (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
    (tuple[int, ...], [], ()),
    (tuple[float, str], [1, "a"], (1.0, "a")),
    (tuple[POSITIVE, ...], (1,), (1.0,)),
    (object, {"any": "thing"}, {"any": "thing"}),
]


@pytest.mark.parametrize(("kind", "value", "expected"), ACCEPTED)
def test_values_of_the_type_are_taken(kind, value, expected):
    checked = check_argument(Argument("name", kind, None), value)
    assert checked == expected
    assert type(checked) is type(expected)


REFUSED = [
    (float, True, "must be a finite number, got True."),
    (float, float("inf"), "must be a finite number, got inf."),
    (int, 1.0, "must be a whole number, got 1.0."),
    (int, True, "must be a whole number, got True."),
    (bool, 1, "must be true or false, got 1."),
    (str, 1, "must be a text, got 1."),
    (POSITIVE, 0, "must be a finite number above 0, got 0."),
    (Annotated[int, Range(least=1, most=3)], 4, "must be a whole number at least 1 and at most 3, got 4."),
    (Literal["haar", "sym7"], "har", "must be 'haar' or 'sym7', got 'har'; did you mean 'haar'?"),
    (Literal[1], True, "must be 1, got True."),
    (float | None, "x", "must be a finite number or nothing, got 'x'."),
    (tuple[int, ...], [1, 2.5], "must be a list, each a whole number, got [1, 2.5]."),
    (tuple[int, ...], 3, "must be a list, each a whole number, got 3."),
    (tuple[float, float], [1], "must be a list of 2 values, each a finite number, got [1]."),
    (tuple[float, str], [1, 2], "must be a list of 2 values, a finite number, a text, got [1, 2]."),
]


@pytest.mark.parametrize(("kind", "value", "message"), REFUSED)
def test_others_are_refused_in_words(kind, value, message):
    with pytest.raises(ValueError, match="must be") as caught:
        check_argument(Argument("name", kind, None), value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (float, {"type": "number"}),
        (POSITIVE, {"type": "number", "exclusiveMinimum": 0.0}),
        (Annotated[int, Range(least=1, most=3)], {"type": "integer", "minimum": 1, "maximum": 3}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (bool | None, {"anyOf": [{"type": "boolean"}, {"type": "null"}]}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (object, {}),
    ],
)
def test_types_as_json_schema(kind, schema):
    assert argument_schema(kind) == schema
