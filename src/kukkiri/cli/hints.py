"""Hints for options that people type because other programs have them."""

from collections.abc import Collection, Mapping

from cyclopts import App, CycloptsError, UnknownOptionError, UnusedCliTokensError

from kukkiri.inference import count_usable_threads

__all__ = ["explain_usage_error"]

_DEVICE = ("--gpu", "--gpus", "--gpu-id", "-g", "--cuda", "--device", "--mps", "--provider")
_MEANT: Mapping[str, Collection[str]] = {
    "--scale": ("--outscale", "--factor", "--upscale", "--zoom", "-x"),
    "--width": ("--size", "--resize", "--resolution", "-w"),
    "--fit": ("--long-side", "--max-size", "--box"),
    "--print": ("--paper", "--mm"),
    "--model": ("--network", "--net", "--model-name", "--model-path", "--checkpoint", "-m", "-n"),
    "--ensemble": ("--tta", "--self-ensemble"),
    "--precision": ("--half", "--fp16", "--float16", "--dtype"),
    "--weights": ("--denoise", "--noise", "--denoise-strength", "--domain", "-dn"),
    "--output": ("--out", "--outdir", "--out-dir", "--output-dir", "--output-path", "--output-folder"),
    "--format": ("--ext", "--extension", "--output-format", "--type", "-f"),
    "--name": ("--template", "--rename", "--prefix"),
    "--recursive": ("--recurse",),
    "--overwrite": ("--force", "--yes", "-y"),
    "--resume": ("--skip", "--skip-existing", "--continue"),
    "--dry-run": ("--simulate", "--preview"),
    "--tile": ("--tile-size", "--tilesize", "--tiles", "-t"),
    "--threads": ("--jobs", "--workers", "--num-workers", "--cpus", "-j"),
    "--wrap": ("--seamless", "--tileable"),
    "--data": ("--dataset", "--datasets", "--folder"),
}
"""Options of kukkiri, and the words that other programs have for them."""
_NEEDLESS = {
    "--fp32": "everything is computed in float32 anyway",
    "--verbose": "progress is shown anyway; --quiet hides it",
    "-v": "progress is shown anyway; --quiet hides it",
}


def explain_usage_error(error: CycloptsError, command: App | None) -> str:
    """Describe wrong usage in one line, with the option that was meant where that is known.

    Args:
        error: from the parser.
        command: that was called.
    """
    text = str(error)
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        first = error.unused_tokens[0]
        text = f"{first!r} stands without an option."
        if "--model" in _list_options(command):
            text += " A list is given as --model a b, or as --model a --model b."
    if isinstance(error, UnknownOptionError):
        word = str(error.token.keyword or error.token.value).partition("=")[0]
        text = _hint_at(word, _list_options(command)) or text
    return text if text.endswith((".", "?")) else f"{text}."


def _hint_at(word: str, options: Collection[str]) -> str | None:
    beginning = f"Unknown option: {word}."
    if word in _DEVICE and not {"--device", "--devices"} & set(options):
        cores = count_usable_threads()
        some = " (--threads sets how many)" if "--threads" in options else ""
        return f"{beginning} This command computes on the CPU, {cores} cores here{some}; kukkiri doctor lists devices."
    if word in _DEVICE and word != "--device":
        return f"{beginning} Did you mean --device? kukkiri doctor lists the devices."
    if word in ("--input", "-i"):
        return f"{beginning} Inputs stand without an option: kukkiri upscale photo.jpg."
    if word in _NEEDLESS:
        return f"{beginning} Drop it: {_NEEDLESS[word]}."
    for option, others in _MEANT.items():
        if word in others and option in options:
            return f"{beginning} Did you mean {option}?"
    return None


def _list_options(command: App | None) -> list[str]:
    if command is None or command.default_command is None:
        return []
    return [name for argument in command.assemble_argument_collection(parse_docstring=False) for name in argument.names]
