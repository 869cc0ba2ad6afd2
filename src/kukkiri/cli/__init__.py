"""The command line: parse, call, print. Commands are loaded when they are used, so that help is quick."""

import logging
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from kukkiri import __version__
from kukkiri.cli.parameters import EVERY_PARAMETER
from kukkiri.errors import KukkiriError

__all__ = ["app", "main"]

app = App(
    name="kukkiri",
    version=__version__,
    default_parameter=EVERY_PARAMETER,
    suppress_keyboard_interrupt=False,
    help="Super-resolution: upscale images with nothing lost; train, measure and explain the networks that do it.",
)
app.command("kukkiri.cli.upscale:upscale", help="Upscale images, folders or globs.")
app.command("kukkiri.cli.adapt:adapt_command", name="adapt", help="Upscale an image by what it teaches about itself.")
app.command("kukkiri.cli.degrade:degrade", help="Make LR images: bicubic, blur, noise, JPEG.")
app.command("kukkiri.cli.evaluate:evaluate_command", name="evaluate", help="Score models on test sets.")
app.command("kukkiri.cli.compare:compare", help="Compare models: one page with tables, charts and a slider.")
app.command("kukkiri.cli.train:train_command", name="train", help="Train a network from a TOML recipe.")
data = App(name="data", help="Prepare images for training.")
data.command("kukkiri.cli.data:prepare_data", name="prepare", help="Decode images once and make LR of them.")
data.command("kukkiri.cli.data:check_data", name="check", help="Compare a prepared folder with its checksums.")
app.command(data)
app.command("kukkiri.cli.export:export", help="Write a model as ONNX, verified before it is saved.")
app.command("kukkiri.cli.list_models:models", help="List the shipped models with their measured quality.")
app.command("kukkiri.cli.doctor:doctor", help="Tell what is installed, what works, and what to do about the rest.")
inspect = App(name="inspect", help="Explain a model: checkerboard, attention, attribution.")
inspect.command(
    "kukkiri.cli.inspect_upsampler:inspect_upsampler_command",
    name="upsampler",
    help="Measure the checkerboard that a model writes, and repair it.",
)
inspect.command(
    "kukkiri.cli.inspect_attention:inspect_attention", name="attention", help="Draw the attention maps of an image."
)
inspect.command(
    "kukkiri.cli.inspect_attention:inspect_attribution",
    name="attribution",
    help="Draw which input pixels a region of the output depends on.",
)
app.command(inspect)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 something failed, 2 wrong usage, 130 interrupted."""
    logging.basicConfig(format="kukkiri: %(message)s", level=logging.WARNING)
    logging.getLogger("pyvips").setLevel(logging.ERROR)  # what libvips mutters about a file is in our one line
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        result = app(
            None if arguments is None else list(arguments),
            exit_on_error=False,
            print_error=True,
            result_action="return_value",
        )
    except CycloptsError:
        return 2
    except KukkiriError as error:
        print(f"kukkiri: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("kukkiri: interrupted; nothing is left half-written.", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        return 1
    return result if isinstance(result, int) else 0
