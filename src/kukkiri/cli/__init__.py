"""The command line: parse, call, print. A command is imported when it is used, so that ``kukkiri --help`` is quick."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Group

from kukkiri import __version__
from kukkiri.cli.parameters import EVERY_PARAMETER, STREAM, UsageError
from kukkiri.errors import KukkiriError, make_printable

__all__ = ["app", "main", "run"]

_SIGNALS = 128  # the exit code of a process that a signal ended is this and the signal's number

app = App(
    name="kukkiri",
    version=__version__,
    default_parameter=EVERY_PARAMETER,
    group_parameters=Group("Options", sort_key=0),
    suppress_keyboard_interrupt=False,
    help="Super-resolution: upscale images with nothing lost; train, evaluate and explain the networks that do it.",
)
app.command("kukkiri.cli.upscale:upscale", help="Upscale images, clips, folders or globs.")
jobs = App(name="jobs", help="Runs on many machines.")
jobs.command("kukkiri.cli.jobs:summarize_manifests", name="summarize", help="Merge manifests: done, failed, missing.")
app.command("kukkiri.cli.adapt:adapt_command", name="adapt", help="Upscale an image with a network fitted to it.")
app.command("kukkiri.cli.degrade:degrade", help="Make LR images: bicubic, blur, noise, JPEG.")
app.command("kukkiri.cli.evaluate:evaluate_command", name="evaluate", help="Score models on test sets.")
app.command("kukkiri.cli.evaluate_adapted:evaluate_adapted", help="Score networks that are fitted to each LR image.")
app.command("kukkiri.cli.evaluate_text:evaluate_text", help="Score models by the errors of Tesseract on their results.")
app.command("kukkiri.cli.compare:compare", help="Compare models on one page: tables, charts, crops and a slider.")
app.command("kukkiri.cli.train:train_command", name="train", help="Train a network from a TOML recipe.")
data = App(name="data", help="Fetch and prepare images for training.")
data.command("kukkiri.cli.data:fetch_data", name="fetch", help="Copy a folder of a store to this disk.")
data.command("kukkiri.cli.data:prepare_data", name="prepare", help="Decode images once and make LR images of them.")
data.command("kukkiri.cli.data:check_data", name="check", help="Compare a prepared folder with its checksums.")
app.command(data)
app.command("kukkiri.cli.export:export", help="Write a model as ONNX, verified before it is saved.")
app.command("kukkiri.cli.list_models:models", help="List the shipped models with their measured quality.")
app.command("kukkiri.cli.doctor:doctor", help="Report what is installed, what works, and what to do about the rest.")
app.command("kukkiri.cli.serve:serve", help="Serve the web page and the HTTP API.")
web = App(name="web", help="The web page without a server.")
web.command(
    "kukkiri.cli.web_export:web_export", name="export", help="Write a site that upscales in the visitor's browser."
)
app.command(web)
app.command(jobs)
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
    """Run the command line and exit.

    The exit code is 0 done, 1 something failed, 2 wrong usage, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
    """
    from kukkiri.signals import raise_on_signals

    logging.basicConfig(level=logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(LineFormatter("kukkiri: %(message)s"))
    logging.getLogger("pyvips").setLevel(logging.ERROR)  # the warnings of libvips about a file are in our one line
    try:
        with raise_on_signals():
            code = run(arguments)
    except KeyboardInterrupt as error:  # a second one, while the first was answered
        code = _interrupted_by(error)
    if code > _SIGNALS:
        _leave_threads(code)
    sys.exit(code)


class LineFormatter(logging.Formatter):
    """Escapes what a terminal could take for a command: messages quote names of files."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        return make_printable(super().format(record), keep="\n")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    tokens = sys.argv[1:] if arguments is None else list(arguments)
    if tokens[:1] == ["upscale"]:
        tokens = [STREAM if token == "-" else token for token in tokens]
    try:
        _describe_command(tokens)
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        from kukkiri.cli.hints import explain_usage_error

        command = " ".join(("kukkiri", *(error.command_chain or ())))
        _print_error(f"{explain_usage_error(error, app.parse_commands(tokens)[1][-1])} See {command} --help.")
        return 2
    except UsageError as error:
        command = " ".join(("kukkiri", *app.parse_commands(tokens)[0]))
        _print_error(f"{error} See {command} --help.")
        return 2
    except KukkiriError as error:
        _print_error(str(error))
        return 1
    except KeyboardInterrupt as error:
        kept = _find_notes(error)  # of what was done when the work may go on from there
        _print_error(f"interrupted; {' '.join(kept) or 'nothing is left half-written.'}")
        return _interrupted_by(error)
    except BrokenPipeError:
        return 1
    return result if isinstance(result, int) else 0


def _find_notes(error: BaseException) -> list[str]:
    """Notes of an interrupt, or of the one that it followed: people press Ctrl-C twice."""
    step: BaseException | None = error
    while step is not None:
        if notes := getattr(step, "__notes__", []):
            return list(notes)
        step = step.__context__
    return []


def _interrupted_by(error: KeyboardInterrupt) -> int:
    """Exit code after a signal."""
    from kukkiri.signals import Interrupted

    return _SIGNALS + (error.signal if isinstance(error, Interrupted) else signal.SIGINT)


def _leave_threads(code: int) -> None:
    """End the process now when threads are still in a network or an encoder, which Python would wait for."""
    working = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if any(thread.is_alive() and not thread.daemon for thread in working):
        from kukkiri.files import drop_temporary_files

        drop_temporary_files()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _describe_command(tokens: Sequence[str]) -> None:
    """Let the help of a single command begin with its docstring instead of the line in the list of commands."""
    names, apps, _ = app.parse_commands(tokens)
    for name, command in zip(names, apps[1:], strict=True):
        if command.default_command is not None and not name.startswith("-"):
            command.help = None


def _print_error(text: str) -> None:
    from kukkiri.cli.printing import print_progress

    print_progress(f"kukkiri: {text}")
