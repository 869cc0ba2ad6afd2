"""Print docs/reference/cli.md, the help of every command; with ``--write``, write the page.

    python tools/write_cli_reference.py --write

It reads the same signatures and docstrings as ``--help`` does, so the width of a terminal has no part in it.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from cyclopts import App, Argument
from docstring_parser import parse

from kukkiri.cli import app
from kukkiri.cli.parameters import EVERY_PARAMETER, holds_whole_numbers

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
HEAD = """# Command line

Every command of `kukkiri` with all its options, as `kukkiri COMMAND --help` shows them (written by
`python tools/write_cli_reference.py --write`). Results go to stdout, progress and errors to stderr. The exit code is
0 when everything was done, 1 when something failed, 2 for wrong usage, 130 after Ctrl-C (143 after SIGTERM, 129 after
SIGHUP). An option that ends in `...` takes several values, `--model a b`, and may be repeated, `--model a --model b`;
before file names, `--` ends it. A whole number (`INT`) may be written `3`, `3.0` or `1e3`; `2.5` is wrong usage, never
rounded.
"""


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(make_page(), encoding="utf-8")
    else:
        print(make_page(), end="")


def make_page() -> str:
    """The whole page in Markdown."""
    commands = [(" ".join(("kukkiri", *words)), command) for words, command in walk(app)]
    return "\n".join([HEAD, *(describe_command(name, command) for name, command in commands)])


def walk(parent: App, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command in the order of registration: the words that call it, and its parser."""
    for name in parent:
        if name.startswith("-"):
            continue
        command = parent[name]
        if command.default_command is not None:
            yield (*words, name), command
        yield from walk(command, (*words, name))


def describe_command(name: str, command: App) -> str:
    """Heading, usage, description, and one table for each group of options."""
    collection = command.assemble_argument_collection(default_parameter=EVERY_PARAMETER, parse_docstring=True)
    arguments = [argument for argument in collection if argument.parse and not argument.children]
    positional = [argument for argument in arguments if not is_option(argument)]
    needed = [argument for argument in arguments if is_option(argument) and argument.required]
    usage = [name, *map(spell, positional), *map(spell, needed), "[OPTIONS]"]
    docstring = parse(inspect.getdoc(command.default_command) or "")
    paragraphs = [text for text in (docstring.short_description, docstring.long_description) if text]
    parts = [f"## {name}\n", f"```text\n{' '.join(usage)}\n```\n", "\n\n".join(paragraphs) + "\n"]
    groups: dict[str, list[Argument]] = {}
    for argument in positional + [argument for argument in arguments if is_option(argument)]:
        groups.setdefault(group_name(argument), []).append(argument)
    for group, members in groups.items():
        parts.append(f"| {group} | |\n|---|---|\n" + "".join(map(describe_argument, members)))
    return "\n".join(parts)


def describe_argument(argument: Argument) -> str:
    """One row of a table."""
    short = [name for name in argument.names if name.startswith("-") and not name.startswith("--")]
    spelling = " ".join(f"`{text}`" for text in (spell(argument), *short))
    negative = [name for name in argument.names if name.startswith("--no-") and name != argument.name]
    spelling += "".join(f", `{name}`" for name in negative)
    text = " ".join(str(argument.parameter.help).split()).replace("|", "\\|")
    default = argument.field_info.default
    shown = None if default is inspect.Parameter.empty else EVERY_PARAMETER.show_default(default)
    text += " **Required.**" if argument.required else f" Default: `{shown}`." if shown else ""
    return f"| {spelling} | {text} |\n"


def spell(argument: Argument) -> str:
    """The argument with the kind of its value: ``--scale NUMBER``, ``INPUT...``."""
    kind, more = value_kind(argument.hint), "..." if is_list(argument) else ""
    if not is_option(argument):
        return f"{argument.name.lstrip('-').upper()}{more}"
    return f"{argument.name} {kind}{more}" if kind else argument.name


def value_kind(hint: Any) -> str:
    """``INT``, ``NUMBER``, ``PATH``, ``TEXT`` or the choices; empty for a flag."""
    parts = [hint, *get_args(hint)]
    parts += [part for outer in get_args(hint) for part in get_args(outer)]
    if hint is bool:
        return ""
    literal = next((part for part in parts if get_origin(part) is Literal), None)
    if literal is not None:
        return "\\|".join(map(str, get_args(literal)))
    if holds_whole_numbers(hint):
        return "INT"
    return "NUMBER" if float in parts else "PATH" if Path in parts else "TEXT"


def is_list(argument: Argument) -> bool:
    """True for an argument of several values."""
    hints = (argument.hint, *get_args(argument.hint))
    return argument.field_info.kind is inspect.Parameter.VAR_POSITIONAL or any(
        get_origin(hint) in (list, tuple) for hint in hints
    )


def is_option(argument: Argument) -> bool:
    """True for what is given by its name."""
    return argument.field_info.is_keyword_only or bool(argument.keys)


def group_name(argument: Argument) -> str:
    """Head of the table that the argument stands in."""
    groups = [str(group) if isinstance(group, str) else group.name for group in argument.parameter.group or ()]
    return groups[0] if groups else "Options" if is_option(argument) else "Arguments"


if __name__ == "__main__":
    main()
