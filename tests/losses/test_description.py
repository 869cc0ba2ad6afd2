"""The losses in words and as JSON Schema."""

import json

import pytest
from torch import nn

from kukkiri.losses import LOSSES, describe_losses, l1, loss_schema


def test_every_loss_has_a_sentence_and_its_needs_and_arguments():
    described = {loss.name: loss for loss in describe_losses()}
    assert list(described) == list(LOSSES)
    assert all(loss.summary.startswith("Compute the ") and loss.summary.endswith(".") for loss in described.values())
    assert described["lr-consistency"].needs == ("lr",)
    (epsilon,) = described["charbonnier"].arguments
    assert (epsilon.name, epsilon.default) == ("epsilon", 1e-3)
    assert [argument.name for argument in described["swt"].arguments] == ["wavelet", "levels", "band_weights"]


def test_losses_of_a_program_are_described_too(monkeypatch):
    class Mine(nn.Module):
        """Mean of something
        over two lines.

        And more.
        """

        def forward(self, sr, hr, *, features, factor: int = 2, until: str = ""):
            return l1(sr, hr)

    monkeypatch.setitem(LOSSES, "mine", Mine())
    monkeypatch.setitem(LOSSES, "silent", lambda sr, hr: l1(sr, hr))
    mine, silent = describe_losses()[-2:]
    assert (mine.summary, mine.needs) == ("Mean of something over two lines.", ("features",))
    assert (silent.summary, silent.arguments) == ("", ())
    table = loss_schema()["anyOf"][1]
    assert table["properties"]["mine"]["anyOf"][1]["properties"]["factor"] == {"type": "integer", "default": 2}
    assert table["properties"]["mine"]["anyOf"][1]["properties"]["until"]["type"] == "number"


def test_the_schema_is_json_and_has_every_loss_with_its_arguments():
    schema = json.loads(json.dumps(loss_schema()))
    names, table = schema["anyOf"]
    assert names == {"type": "string", "enum": list(LOSSES)}
    assert list(table["properties"]) == list(LOSSES)
    _, swt = table["properties"]["swt"]["anyOf"]
    assert swt["properties"] == {
        "weight": {"type": "number", "minimum": 0, "default": 1.0},
        "from": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.0},
        "until": {"type": "number", "minimum": 0, "maximum": 1, "default": 1.0},
        "wavelet": {"enum": ["haar", "sym7"], "default": "haar"},
        "levels": {"type": "integer", "minimum": 1, "maximum": 6, "default": 1},
        "band_weights": {
            "type": "array",
            "prefixItems": [{"type": "number", "minimum": 0.0}] * 4,
            "minItems": 4,
            "maxItems": 4,
            "default": [1.0, 1.0, 1.0, 1.0],
        },
    }
    assert swt["additionalProperties"] is False


VALUES = [
    ("l1", True),
    ("l2", False),
    ({"l1": 1, "fft": {"weight": 0.05, "from": 0.5}}, True),
    ({"l1": -1}, False),
    ({"l1": {"weigth": 1}}, False),
    ({"charbonnier": {"epsilon": 0}}, False),
    ({"swt": {"band_weights": [1, 1, 1]}}, False),
    ({}, False),
]


@pytest.mark.parametrize(("value", "fits"), VALUES)
def test_an_editor_accepts_what_a_recipe_does(value, fits):
    jsonschema = pytest.importorskip("jsonschema")
    assert jsonschema.Draft202012Validator(loss_schema()).is_valid(value) == fits
