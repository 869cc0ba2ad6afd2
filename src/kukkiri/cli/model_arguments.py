"""``--model-args`` and ``--range``: what a file of weights does not tell about its network."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.info import JSON

__all__ = ["DEFAULT_ARGUMENTS", "ArgumentOptions", "read_model_args", "read_one"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ArgumentOptions:
    """Arguments of a network that its file of weights does not tell."""

    model_args: Annotated[tuple[str, ...], Parameter(show_default=False)] = ()
    """KEY=VALUE for the network of a file of others, such as res_scale=0.1 or scale=3; FILE:KEY=VALUE for one of
    several models."""
    white: Annotated[Literal["1", "255"] | None, Parameter(name="--range")] = None
    """white in the units of a file of others; found by probing an .onnx file, and known for most networks."""

    def read(self, models: Sequence[str]) -> dict[str, dict[str, JSON]]:
        """Read the arguments of each model, see :func:`read_model_args`.

        Raises:
            ConfigError: no KEY=VALUE, an unknown model, or arguments for models that take none.
        """
        return read_model_args(self.model_args, models, white=self.white)


DEFAULT_ARGUMENTS = ArgumentOptions()


def read_model_args(
    texts: Sequence[str], models: Sequence[str], *, white: str | None = None
) -> dict[str, dict[str, JSON]]:
    """Read ``KEY=VALUE`` and ``MODEL:KEY=VALUE`` texts.

    Args:
        texts: values are TOML, or else plain text.
        models: names and files; a text without a model is for each of them that is a file.
        white: of ``--range``.

    Returns:
        The arguments of each model that has any.

    Raises:
        ConfigError: no KEY=VALUE, an unknown model, or arguments for models that take none.
    """
    files = [model for model in models if _is_file(model)]
    found: dict[str, dict[str, JSON]] = {}
    if white is not None:
        texts = [f"value_range={float(white)}", *texts]
    for text in texts:
        name, equals, value = text.partition("=")
        model, colon, key = name.strip().rpartition(":")
        if not equals or not key.isidentifier():
            raise ConfigError(f"--model-args {text!r}: expected KEY=VALUE, such as res_scale=0.1.")
        if colon and model not in models:
            raise ConfigError(f"--model-args {text!r}: no model {model!r} is asked for{did_you_mean(model, models)}")
        targets = [model] if colon else files
        if not targets:
            raise ConfigError(
                f"{', '.join(models)}: takes no arguments ({key}); they are for files of weights, which do not tell "
                "all about their network. Drop --model-args and --range."
            )
        for target in targets:
            found.setdefault(target, {})[key] = _read_value(value.strip())
    return found


def read_one(options: ArgumentOptions, model: str, *, scale: int | None = None) -> dict[str, JSON]:
    """Read the arguments of a single model, with those of ``--scale``.

    Raises:
        ConfigError: see :func:`read_model_args`; or a scale for a shipped model.
    """
    if scale is not None and not _is_file(model):
        raise ConfigError(
            f"{model}: has one scale, which --scale {scale} cannot change. Drop it, or name another model."
        )
    texts = options.model_args if scale is None else (*options.model_args, f"scale={scale}")
    return read_model_args(texts, [model], white=options.white).get(model, {})


def _is_file(model: str) -> bool:
    return bool(Path(model).suffix) or Path(model).is_file()


def _read_value(text: str) -> JSON:
    try:
        value: JSON = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value
