"""Rules that hold for every option of every command, found by walking over the commands."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from cyclopts import App, Argument

from kukkiri.cli import app, run
from kukkiri.cli.parameters import holds_whole_numbers


def walk(parent: App = app, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command: the words that call it, and its parser."""
    for name in parent:
        if name.startswith("-"):
            continue
        command = parent[name]
        if command.default_command is not None:
            yield (*words, name), command
        yield from walk(command, (*words, name))


COMMANDS = dict(walk())
OPTIONS = [
    pytest.param(words, argument, id=" ".join((*words, argument.name)))
    for words, command in COMMANDS.items()
    for argument in command.assemble_argument_collection(parse_docstring=False)
    if argument.parse and not argument.children
]


def is_list(argument: Argument) -> bool:
    return any(get_origin(part) in (list, tuple) for part in (argument.hint, *get_args(argument.hint)))


def is_option(argument: Argument) -> bool:
    return argument.name.startswith("--")


def examples(argument: Argument) -> tuple[str, str]:
    """Two values that an option takes."""
    hint: Any = argument.hint
    parts = [hint, *get_args(hint)]
    literal = next((part for part in parts if get_origin(part) is Literal), None)
    if literal is not None:
        return get_args(literal)[:2]
    return ("2", "3") if float in parts or holds_whole_numbers(hint) else ("a", "b")


def required(words: tuple[str, ...], but: Argument) -> list[str]:
    """Arguments that a command needs, beside one option."""
    tokens = []
    for argument in COMMANDS[words].assemble_argument_collection(parse_docstring=False):
        if argument.required and argument.parse and not argument.children and argument.name != but.name:
            value = examples(argument)[0]
            tokens += [argument.name, value] if is_option(argument) else [value]
    return tokens


def test_the_walk_finds_the_commands():
    found = {" ".join(words) for words in COMMANDS}
    assert {"upscale", "evaluate", "evaluate-adapted", "evaluate-text", "data prepare", "inspect attention"} <= found
    assert len(OPTIONS) > 100


WHOLE = [option for option in OPTIONS if holds_whole_numbers(option.values[1].hint)]


def test_the_walk_finds_the_whole_numbers():
    names = {option.id for option in WHOLE}
    assert {
        "adapt --scale",
        "adapt --steps",
        "data prepare --scale",
        "degrade --scale",
        "evaluate --scale",
        "upscale --quality",
        "upscale --tile",
    } <= names
    assert "upscale --scale" not in names


@pytest.mark.parametrize(("words", "argument"), WHOLE)
def test_a_whole_number_is_never_rounded(words, argument, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = " ".join(("kukkiri", *words))
    for value in ("2.5", "0.9", "1.5e0", "nan", "inf"):
        assert run([*words, *required(words, argument), argument.name, value]) == 2
        printed = capsys.readouterr()
        complaint = f"Invalid value for {argument.name}: must be a whole number, got {value}."
        assert printed.err == f"kukkiri: {complaint} See {command} --help.\n"
        assert printed.out == ""
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("words", "argument"), WHOLE)
def test_a_number_that_is_whole_passes_however_it_is_written(words, argument):
    for text, number in (("3", 3), ("3.0", 3), ("1e3", 1000), ("+4", 4), ("-2", -2)):
        value = value_of(words, argument, [f"{argument.name}={text}"])
        assert value == ([number] if isinstance(value, list) else (number,) if isinstance(value, tuple) else number)


LISTS = [option for option in OPTIONS if is_list(option.values[1]) and is_option(option.values[1])]


def test_the_walk_finds_the_lists():
    names = {option.id for option in LISTS}
    assert {"compare --data", "data prepare --scale", "evaluate --model", "evaluate-text --script"} <= names


@pytest.mark.parametrize(("words", "argument"), LISTS)
def test_a_list_is_given_at_once_or_by_repetition(words, argument):
    first, second = examples(argument)
    at_once = value_of(words, argument, [argument.name, first, second])
    repeated = value_of(words, argument, [argument.name, first, argument.name, second])
    with_equals = value_of(words, argument, [f"{argument.name}={first}", argument.name, second])
    assert at_once == repeated == with_equals
    assert [str(value) for value in at_once] == [first, second]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_is_explained(words):
    for argument in COMMANDS[words].assemble_argument_collection(parse_docstring=True):
        if argument.parse and not argument.children:
            assert argument.parameter.help, argument.name


def value_of(words: tuple[str, ...], argument: Argument, tokens: list[str]) -> Any:
    """Value that the command is called with for an option."""
    _, bound, _ = app.parse_args([*words, *required(words, argument), *tokens], print_error=False, exit_on_error=False)
    value: Any = bound.arguments[argument.field_info.name] if not argument.keys else None
    if argument.keys:  # an option of a group
        (group,) = [group for group in bound.arguments.values() if hasattr(group, argument.keys[0])]
        value = getattr(group, argument.keys[0])
    return value
