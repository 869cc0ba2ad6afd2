import pytest

from kukkiri.errors import ConfigError
from kukkiri.inference.name_templates import NameParts, NameTemplate


def fill(text, **changes):
    values = {"stem": "a.b", "scale": 2.0, "model": "m", "size": (20, 30), "suffix": ".png", **changes}
    return NameTemplate(text).fill(**values)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{stem}-x{scale}", "a.b-x2.png"),
        ("{stem}{suffix}", "a.b.png"),
        ("{model}_{width}x{height}", "m_30x20.png"),
        ("{width:05d} {scale:.2f}", "00030 2.00.png"),
        ("{{{stem}}}", "{a.b}.png"),
        ("..", "...png"),
    ],
)
def test_fields_are_filled_and_the_suffix_added(text, name):
    assert fill(text) == name


def test_scales_have_no_superfluous_zeros_and_models_no_folders():
    assert fill("{scale}", scale=3.5) == "3.5.png"
    assert fill("{model}", model="../x y/net.onnx") == "..-x-y-net.onnx.png"


@pytest.mark.parametrize(
    "text", ["", "a/b", "a\\b", "\0", "{stem.upper}", "{0}", "{}", "{stem!s}", "{scale:{width}}", "{"]
)
def test_what_is_no_template_of_a_name_is_refused(text):
    with pytest.raises(ConfigError, match="name template"):
        NameTemplate(text)


def test_a_name_that_would_be_empty_or_in_another_folder_is_refused():
    for text, changes in (("{stem}", {"stem": " "}), ("{stem}", {"stem": "a/b"}), ("{stem:d}", {})):
        with pytest.raises(ConfigError, match="name template"):
            fill(text, **changes)


def test_a_name_is_read_back():
    assert next(NameTemplate("{stem}-x{scale}").read("a-x2-x3.5")) == NameParts("a-x2", 3.5)
    assert next(NameTemplate("{stem}@{width}x{height}").read("a@30x20")) == NameParts("a", None, (20, 30))
    parts = {each.stem for each in NameTemplate("{stem}-{model}").read("a-b-c")}
    assert parts == {"a-b", "a"}  # either may be meant
    assert next(NameTemplate("{stem} of {stem}").read("a of a")).stem == "a"
    assert not list(NameTemplate("{stem}-x{scale}").read("a-xl"))
    assert not list(NameTemplate("result").read("result"))
