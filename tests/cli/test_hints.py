"""Options that people type because other programs have them."""

import pytest

from kukkiri.cli import run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["degrade", "a.jpg", "--gpu"], "Unknown option: --gpu. This command computes on the CPU, "),
        (["upscale", "a.jpg", "--gpu=0"], "Did you mean --device? kukkiri doctor lists the devices."),
        (
            ["evaluate", "--model", "bicubic", "--scale", "2", "--cuda"],
            "Did you mean --device? kukkiri doctor lists the devices.",
        ),
        (["upscale", "a.jpg", "--outscale", "2"], "Unknown option: --outscale. Did you mean --scale?"),
        (["upscale", "a.jpg", "--tta"], "Did you mean --ensemble?"),
        (["upscale", "a.jpg", "--seamless"], "Did you mean --wrap?"),
        (["upscale", "a.jpg", "--force"], "Did you mean --overwrite?"),
        (["upscale", "a.jpg", "-j", "4"], "Unknown option: -j. Did you mean --threads?"),
        (["upscale", "-i", "a.jpg"], "Inputs stand without an option: kukkiri upscale photo.jpg."),
        (["upscale", "a.jpg", "--fp16"], "Unknown option: --fp16. Did you mean --precision?"),
        (["upscale", "a.jpg", "--fp32"], "Drop it: everything is computed in float32 anyway."),
        (["upscale", "a.jpg", "--sclae", "2"], "Unknown option: --sclae. Did you mean --scale?"),
        (["evaluate", "bicubic", "--scale", "2", "--model", "x"], "A list is given as --model a b, or as --model a"),
        (["upscale", "--model", "bicubic", "fast", "a.jpg"], "fast is a model, and --model bicubic takes one."),
        (["train", "r.toml", "--width", "3"], "Unknown option: --width."),
    ],
)
def test_unknown_options_get_a_useful_hint(arguments, said, capsys):
    assert run(arguments) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.endswith(f" See kukkiri {arguments[0]} --help.\n")
    assert printed.count("\n") == 1


def test_no_hint_names_an_option_that_the_command_lacks(capsys):
    assert run(["models", "--outscale", "2"]) == 2
    assert "--scale" not in capsys.readouterr().err.partition("See")[0].replace("--outscale", "")
