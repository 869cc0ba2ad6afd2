"""The model that a user asks for by name: an interpolation, a preset, a family, a shipped model, or a file."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from os import PathLike
from pathlib import Path

from kukkiri import engine_loaders, pretrained
from kukkiri.errors import ConfigError, ModelError, did_you_mean, did_you_mean_file
from kukkiri.inference.conditioned import ConditionableEngine
from kukkiri.inference.dials import Dial, load_pairs, plan_dial
from kukkiri.inference.engine import Engine, OnnxEngine
from kukkiri.inference.families import Domain, Family, GraphLoader, KnownDomain, choose_scales, load_shipped
from kukkiri.inference.half_precision import Precision
from kukkiri.inference.kernel_engine import is_prior, make_plug_and_play, read_scale
from kukkiri.inference.loaded_model import LoadedModel
from kukkiri.inference.presets import PRESETS
from kukkiri.inference.tile_batches import find_batching
from kukkiri.info import JSON

__all__ = ["INTERPOLATIONS", "SOLVERS", "Choice", "ask_for_kernel", "choose_model", "runs_on_torch"]

INTERPOLATIONS = {"bicubic": "cubic", "bilinear": "linear", "lanczos": "lanczos3", "nearest": "nearest"}
"""Models that need no network, and their kernels in ``kukkiri.resampling``."""
SOLVERS = ("context", "srmd", "dpsr", "usrnet")
"""Models that are conditioned on a blur, by the names of their kinds, see :mod:`kukkiri.inference.solvers`."""


@dataclass(frozen=True)
class Choice:
    """A model as it will be run."""

    name: str
    scale: float
    """Output pixels for one input pixel along a side."""
    model: str | Path | Engine | LoadedModel
    """The model that was asked for; a file's path is absolute, so that it stays true in another folder."""
    engines: tuple[Engine, ...] = ()
    """Networks to run one after the other; none at scale 1 and for an interpolation."""
    kernel: str | None = None
    """Interpolation kernel instead of networks."""
    ensemble: bool = False
    """The preset asks for the self-ensemble."""
    domain: KnownDomain | None = None
    """Degradation domain that the shipped networks were trained for; ``None``: not known."""
    has_photo: bool = False
    """Weights for photographs are shipped, too, and the choice was left open."""
    has_line: bool = False
    """Weights for line art are shipped, too, and the choice was left open."""


def choose_model(
    model: str | PathLike[str] | Engine | LoadedModel,
    *,
    scale: float | None,
    threads: int | None = None,
    weights: Domain = "auto",
    model_args: Mapping[str, JSON] | None = None,
    device: str | None = None,
    dial: Dial | None = None,
    precision: Precision = "float32",
) -> Choice:
    """Find the model that is meant and load it.

    Args:
        model: an interpolation (``bicubic``, ``bilinear``, ``lanczos``, ``nearest``), a preset (``fast``,
            ``balanced``, ``best``), a family of shipped models (``espcn``), one of them (``espcn-x3``), an
            ``.onnx`` file, a file of torch weights (needs torch), what :func:`kukkiri.load` returned, or an engine.
        scale: at least 1; by default the model's own, 2 for what has several.
        threads: of ONNX Runtime.
        weights: degradation domain of shipped networks; ``auto`` loads the clean ones where several are shipped.
        model_args: what a file of others does not tell: keywords of a torch network's constructor, or ``value_range``
            of an ONNX graph.
        device: where the network runs, for torch weights see :func:`kukkiri.devices.resolve_device`, else
            :class:`kukkiri.inference.OnnxEngine`; ``None``: the CPU.
        dial: a position between two shipped weight sets of one graph.
        precision: of weights and activations in ONNX graphs.

    Raises:
        ConfigError: a device for an interpolation or an engine, an unknown one, or a precision for what is no graph.
        ModelError: nothing of that name or weights, or a scale that it cannot give.
        BackendError: torch weights without torch, or the device is not there.
        TypeError: neither a name, a path nor an engine.
    """
    if scale is not None and not isinstance(scale, Real):
        raise ModelError(f"scale must be a number of at least 1, got {scale!r}.")
    if scale is not None and not (math.isfinite(scale) and scale >= 1):
        raise ModelError(f"scale must be a number of at least 1, got {scale}. To shrink, use kukkiri degrade.")
    arguments = dict(model_args or {})
    load = partial(OnnxEngine, threads=threads, device=device, precision=precision)
    if dial is not None:
        return _choose_between(model, dial, scale=scale, load=load, weights=weights)
    if not isinstance(model, str | PathLike):
        if not isinstance(model, LoadedModel):
            _refuse_device(device, "an engine")
        _refuse_precision(precision, f"this {type(model).__name__}")
        return _without_domain(_choose_object(model, scale, arguments=arguments, device=device), weights)
    name = str(model)
    if name in INTERPOLATIONS:
        _refuse_device(device, name)
    if name in INTERPOLATIONS or runs_on_torch(name):
        _refuse_precision(precision, name)
    if arguments and not _is_file(Path(name)):
        raise ModelError(
            f"{name}: takes no arguments ({', '.join(arguments)}); they are for files of weights, which do not tell "
            "all about their network. Drop them."
        )
    if name in INTERPOLATIONS:
        choice = Choice(name, 2.0 if scale is None else scale, name, kernel=INTERPOLATIONS[name])
        return _without_domain(choice, weights)
    preset = PRESETS.get(name)
    family = Family.find(preset.family if preset else name)
    if family is not None:
        plan = family.plan(name, scale=scale, domain=weights)
        return Choice(
            name,
            plan.scale,
            name,
            load_shipped(plan.ids, load=load),
            ensemble=bool(preset and preset.ensemble),
            domain=plan.domain,
            has_photo=plan.has_photo,
            has_line=plan.has_line,
        )
    if preset:
        raise ModelError(
            f"preset {name!r} needs {preset.family} models, but none are shipped here. Install kukkiri again."
        )
    choice = _choose_one(name, scale, load=load, arguments=arguments, device=device)
    if name in pretrained.list_models() and weights in ("auto", "clean"):
        return dataclasses.replace(choice, domain="clean")
    return _without_domain(choice, weights)


def _choose_between(model: object, dial: Dial, *, scale: float | None, load: GraphLoader, weights: Domain) -> Choice:
    """Load weights between two shipped ones."""
    name = model if isinstance(model, str) else f"this {type(model).__name__}"
    preset = PRESETS.get(name)
    plan = plan_dial(name, preset.family if preset else name, dial, scale=scale, domain=weights)
    try:
        engines = load_pairs(plan.pairs, dial.position, load=load)
    except ModelError as error:
        raise ModelError(f"{error} Drop {dial.kind}, or choose another scale or preset.") from error
    ensemble = bool(preset and preset.ensemble)
    return Choice(name, plan.scale, name, engines, ensemble=ensemble, domain=plan.domain, has_photo=plan.has_photo)


def _without_domain(choice: Choice, weights: Domain) -> Choice:
    if weights != "auto":
        raise ModelError(
            f"{choice.name}: is one model, so there is no {weights} to choose. Name a preset or a shipped family, "
            "or leave weights out."
        )
    return choice


def ask_for_kernel(name: str) -> ModelError:
    """Make the error about a model that is conditioned on a blur, and was given none."""
    return ModelError(
        f"{name}: is conditioned on the blur that made the image. Give it: --kernel estimate or --kernel gaussian:2.0, "
        "in Python degradation='estimate'."
    )


def runs_on_torch(name: object) -> bool:
    """Return True for files of torch weights; all other models are interpolations, ONNX graphs and engines."""
    return isinstance(name, str | PathLike) and _is_file(Path(name)) and Path(name).suffix != ".onnx"


def _refuse_device(device: str | None, name: str) -> None:
    if device not in (None, "cpu", "auto"):
        raise ConfigError(
            f"{name}: does not run on {device}, which is for ONNX graphs and torch weights. Drop the device."
        )


def _refuse_precision(precision: Precision, name: str) -> None:
    if precision != "float32":
        raise ConfigError(f"{name}: is computed in float32; precision {precision} is for ONNX graphs. Drop it.")


def _is_file(path: Path) -> bool:
    """True for the name of a file, whether it exists or not."""
    return path.suffix.lower() == ".onnx" or path.suffix.lower() in engine_loaders.list_suffixes() or path.is_file()


def _choose_one(
    name: str, scale: float | None, *, load: GraphLoader, arguments: Mapping[str, JSON], device: str | None
) -> Choice:
    """Load a file or one shipped model."""
    path = Path(name)
    if _is_file(path):
        if not path.exists():
            raise ModelError(f"{path}: no such file. {did_you_mean_file(path)}")
        if path.is_dir():
            raise ModelError(
                f"{path}: a folder, not a file of a model. Name one .onnx, .safetensors or .pth file in it."
            )
        engines = _load_file(path, scale, load=load, arguments=arguments, device=device)
        return _arrange(engines, scale, model=path.absolute())
    if path.is_dir():
        raise ModelError(f"{path}: a folder, not a model. Name one .onnx, .safetensors or .pth file in it.")
    solvers = [*pretrained.list_conditioned(), *pretrained.list_initializations()]
    graphs = [each for each in solvers if pretrained.holds(each, ".onnx")]
    known = [*INTERPOLATIONS, *PRESETS, *pretrained.list_models(), *graphs]
    if name in SOLVERS:
        raise ask_for_kernel(name)
    if name not in known:
        raise ModelError(f"no file, preset or model {name!r}{did_you_mean(name, known)}")
    return _repeat(load(pretrained.locate(name, ".onnx")), scale, model=name)


def _load_file(
    path: Path, scale: float | None, *, load: GraphLoader, arguments: Mapping[str, JSON], device: str | None
) -> tuple[Engine, ...]:
    if path.suffix.lower() == ".onnx":
        return (_load_graph(path, load=load, arguments=arguments),)
    options = engine_loaders.LoadOptions(scale=scale, arguments=arguments, device=device or "cpu")
    loaded = engine_loaders.find_loader(path.suffix.lower())(path, options)
    engines = tuple(loaded) if isinstance(loaded, Sequence) and not isinstance(loaded, str) else (loaded,)
    for engine in engines:
        if not isinstance(engine, Engine):
            raise TypeError(f"the loader of {path.suffix} files gave {type(engine).__name__}, which is no engine")
    return engines


def _load_graph(path: Path, *, load: GraphLoader, arguments: Mapping[str, JSON]) -> Engine:
    """Load an ONNX graph, which takes one argument, white in its units."""
    further = [key for key in arguments if key != "value_range"]
    white = arguments.get("value_range")
    if further:
        raise ModelError(
            f"{path}: an ONNX graph takes no arguments but value_range, got {', '.join(further)}. Drop them, or give "
            "them when it is exported."
        )
    if white is not None and (isinstance(white, bool) or not isinstance(white, int | float)):
        raise ModelError(f"{path}: value_range must be 255 or 1, got {white!r}.")
    return load(path, value_range=white)


def _choose_object(
    model: object, scale: float | None, *, arguments: Mapping[str, JSON], device: str | None = None
) -> Choice:
    """Take an engine, or what :func:`kukkiri.load` returned."""
    if isinstance(model, Engine):
        if arguments:
            raise ModelError(f"{model.info.name}: an engine takes no arguments ({', '.join(arguments)}). Drop them.")
        return _repeat(model, scale, model=model)
    if isinstance(model, LoadedModel):
        from kukkiri.inference.torch_engine import make_engines  # torch, which made the object

        engines = make_engines(model, scale=scale, arguments=arguments, device=device or "cpu")
        return _arrange(engines, scale, model=model)
    raise TypeError(f"a model is a name, a path or an engine, got {type(model).__name__}")


def _arrange(engines: tuple[Engine, ...], scale: float | None, *, model: str | Path | Engine | LoadedModel) -> Choice:
    """Run one network as often as is needed, or several that were chosen for the scale."""
    if len(engines) == 1:
        return _repeat(engines[0], scale, model=model)
    product = math.prod(engine.info.scale for engine in engines)
    return Choice(engines[0].info.name, float(product if scale is None else scale), model, engines)


def _repeat(engine: Engine, scale: float | None, *, model: str | Path | Engine | LoadedModel) -> Choice:
    """Run one network, again while the result is too small; a denoiser that takes the noise becomes a solver."""
    if is_prior(engine.info) and isinstance(engine, ConditionableEngine):
        engine = make_plug_and_play(engine, scale=read_scale(engine.info.name, scale))
        return Choice(engine.info.name, float(engine.info.scale), model, (engine,))
    own = engine.info.scale
    asked = float(own if scale is None else scale)
    if engine.info.pre_upsampled and asked > 1 and asked != own and asked.is_integer():
        return Choice(engine.info.name, asked, model, (_Rescaled(engine, int(asked)),))
    if own == 1:
        if asked > 1:
            raise ModelError(
                f"{engine.info.name} is a x1 model, which does not upscale, but scale {asked:g} was asked. "
                "Drop the scale or choose another model."
            )
        return Choice(engine.info.name, 1.0, model, (engine,))
    return Choice(engine.info.name, asked, model, (engine,) * len(choose_scales([own], asked)))


class _Rescaled:
    """A network on the upscaled image, which serves any scale: VDSR's one set of weights for x2, x3 and x4."""

    def __init__(self, engine: Engine, scale: int) -> None:
        self.info = dataclasses.replace(engine.info, scale=scale)
        self.footprint, self.batching = engine.footprint, find_batching(engine)
        self.run = engine.run
