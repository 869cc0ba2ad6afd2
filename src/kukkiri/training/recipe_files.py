"""Recipe files: TOML and ``key=value`` overrides over the defaults of a recipe's dataclass, their types checked."""

import dataclasses
import logging
import tomllib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.training.recipe import Recipe

__all__ = ["build_recipe", "describe_type", "file_key", "is_json", "read_recipe_values"]

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)
_FORMER_SPELLINGS = {"optimiser": "optimizer", "initialisation": "initialization"}
_log = logging.getLogger(__name__)


def read_recipe_values(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Read the values of a TOML file and its overrides, unchecked.

    Args:
        path: a TOML file of fields; ``arguments`` and other mappings may be tables.
        overrides: such as ``steps=2000`` or ``arguments.icnr=true``; values are TOML, or else plain text.

    Raises:
        ConfigError: unreadable file, or an override without ``=``.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = " Name the TOML file of the recipe instead of a folder." if path.is_dir() else ""
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).{remedy}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error}).") from error
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"{text!r} is not an override. Write key=value, such as steps=2000.")
        _override(values, key.strip().split("."), _parse_value(value))
    for former, key in _FORMER_SPELLINGS.items():
        if former in values and key not in values:
            _log.warning("%s: the key %s is spelled %s now", path, former, key)
            values[key] = values.pop(former)
    return values


def _override(values: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    """Set a value by its dotted key; tables on the way are copied, and made where they are missing."""
    first, *rest = keys
    if not rest:
        values[first] = value
        return
    table = values.get(first)
    values[first] = dict(table) if isinstance(table, Mapping) else {}
    _override(values[first], rest, value)


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def build_recipe(kind: type[AnyRecipe], values: Mapping[str, Any], *, source: str) -> AnyRecipe:
    """Build a recipe of a kind from its values.

    Args:
        kind: :class:`Recipe` or a subclass.
        values: by field, as TOML or JSON has them: lists for tuples, tables for dataclasses.
        source: the file, for messages.

    Raises:
        ConfigError: unknown key, missing key, or a value of the wrong type.
    """
    recipe: AnyRecipe = _build(kind, values, key="", source=source)
    return recipe


def file_key(definition: "dataclasses.Field[Any]") -> str:
    """Return the key of a dataclass field in a recipe file: its name, or another where Python reserves the word."""
    key: str = definition.metadata.get("key", definition.name)
    return key


def _build(kind: Any, values: Mapping[str, Any], *, key: str, source: str) -> Any:
    """Build a dataclass; ``key`` is its place in the file, for messages."""
    hints = get_type_hints(kind)
    fields = {file_key(definition): definition for definition in dataclasses.fields(kind)}
    for name in values:
        if name not in fields:
            raise ConfigError(f"{source}: unknown key {_join(key, name)!r}{did_you_mean(name, fields)}")
    required = [name for name, definition in fields.items() if _is_required(definition) and name not in values]
    if required:
        raise ConfigError(f"{source}: {', '.join(_join(key, name) for name in required)} must be given.")
    converted = {
        fields[name].name: _convert(_join(key, name), value, hints[fields[name].name], source=source)
        for name, value in values.items()
    }
    return kind(**converted)


def is_json(hint: Any) -> bool:
    """True for the type of any JSON value, the only one of a recipe that admits None."""
    return type(None) in get_args(hint)


def _is_required(definition: "dataclasses.Field[Any]") -> bool:
    return definition.default is dataclasses.MISSING and definition.default_factory is dataclasses.MISSING


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _convert(key: str, value: Any, hint: Any, *, source: str) -> Any:
    """Convert a TOML value to a field's type: integers serve as floats, lists as tuples, tables as dataclasses."""
    origin = get_origin(hint)
    if is_json(hint):
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(key, value, hint, source=source)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return _build(hint, value, key=key, source=source)
    if origin is tuple and isinstance(value, list | tuple):
        return _convert_tuple(key, value, get_args(hint), source=source)
    if origin is Mapping and isinstance(value, Mapping):
        return {
            name: _convert(_join(key, name), item, get_args(hint)[1], source=source) for name, item in value.items()
        }
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = hint if isinstance(hint, type) else ()
    if not isinstance(value, expected) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{source}: {key} must be {describe_type(hint)}, got {value!r}.")
    return value


def _convert_union(key: str, value: Any, hint: Any, *, source: str) -> Any:
    for member in get_args(hint):
        try:
            return _convert(key, value, member, source=source)
        except ConfigError:
            continue
    raise ConfigError(f"{source}: {key} must be {describe_type(hint)}, got {value!r}.")


def _convert_tuple(key: str, value: Sequence[Any], members: tuple[Any, ...], *, source: str) -> tuple[Any, ...]:
    if members[-1] is not Ellipsis and len(members) != len(value):
        raise ConfigError(f"{source}: {key} must have {len(members)} values, got {list(value)}.")
    hints = members[:1] * len(value) if members[-1] is Ellipsis else members
    return tuple(_convert(key, item, hint, source=source) for item, hint in zip(value, hints, strict=True))


def describe_type(hint: Any) -> str:
    """Describe a type to people who write TOML."""
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(describe_type(member) for member in get_args(hint))
    if get_origin(hint) is tuple:
        return f"a list of {describe_type(get_args(hint)[0])}"
    if get_origin(hint) is Mapping or dataclasses.is_dataclass(hint):
        return "a table"
    return str(hint.__name__)
