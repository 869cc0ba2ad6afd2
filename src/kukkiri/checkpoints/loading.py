"""``kukkiri.load``: from a file or the id of a shipped model to a torch network and its descriptor."""

import dataclasses
import inspect
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from kukkiri import engine_loaders, pretrained
from kukkiri.checkpoints.description import describe, settle_white
from kukkiri.checkpoints.estimators import find_estimator, make_estimator
from kukkiri.checkpoints.reading import read_state
from kukkiri.checkpoints.safetensors import read_safetensors, tensors_sha256
from kukkiri.degradations import pack_basis, read_basis
from kukkiri.errors import BackendError, ModelError, did_you_mean_file
from kukkiri.info import JSON, ModelInfo
from kukkiri.networks import NETWORKS, Network
from kukkiri.networks.construction import make_network_from
from kukkiri.networks.registry import write_unknown_network
from kukkiri.networks.state_shapes import write_shapes

__all__ = ["Loaded", "load", "load_for_scale"]

_PICKLES = (".pth", ".pt", ".ckpt", ".bin")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A network and its descriptor."""

    info: ModelInfo
    """The descriptor; of a foreign file it is made from the network."""
    module: Network
    """In evaluation mode, with the official forward: (N, C, H, W) in the network's colour, on 0 to
    ``module.value_range`` (1.0, or 255.0 for EDSR, RCAN and others), and the same of the result, not clamped. Of an
    estimator's file its network, which is none of the registry, see :attr:`upscales`."""
    assumed: Mapping[str, JSON] = field(default_factory=dict)
    """Keywords of the constructor that the file does not tell and nobody gave, with the values that were taken."""

    @property
    def upscales(self) -> bool:
        """False for the estimators of KernelGAN and IKC."""
        return isinstance(self.module, Network)

    @property
    def scales(self) -> tuple[int, ...] | None:
        """The scales that these weights serve, sorted; empty: their own only; ``None``: every one."""
        if not self.upscales:
            return ()
        return self.module.list_scales(self.info.arguments)

    def at_scale(self, scale: int) -> "Loaded":
        """Return the same weights at another scale that they serve, such as MDSR's branch for it.

        Raises:
            ModelError: they do not serve it.
        """
        if scale == self.info.scale:
            return self
        served = self.scales
        if served is not None and scale not in served:
            known = ", ".join(f"x{each}" for each in served) or f"x{self.info.scale}"
            raise ModelError(f"{self.info.name}: serves {known}, but scale {scale} was asked. Choose another scale.")
        arguments = {**self.info.arguments, "scale": scale}
        module = _build(self.info.network, arguments, self.module.state_dict(), source=self.info.name)
        info = dataclasses.replace(self.info, arguments=arguments, **_list_shared(module))
        return Loaded(info, module, {key: value for key, value in self.assumed.items() if key != "scale"})

    def upscale(self, image: Any, **options: Any) -> Any:
        """Upscale an image, whatever the value range and the colour of the module.

        Args:
            image: an array, (H, W) or (H, W, C), grey, grey and alpha, RGB or RGBA; uint8, uint16, or floats in
                [0, 1]; or a path, bytes, a ``PIL.Image``, a :class:`kukkiri.Image`.
            **options: those of :class:`kukkiri.Upscaler`, such as ``scale`` and ``ensemble``.

        Returns:
            For an array (scale*H, scale*W[, C]) of its dtype, else an image. For several images make one
            ``kukkiri.Upscaler(loaded)``, which copies the network once.

        Raises:
            ModelError: the network is conditioned on more than the image.
            ImageError: there is no image, or memory does not suffice.
        """
        return engine_loaders.make_upscaler(self, **options)(image)


def load(path_or_id: str | PathLike[str], **arguments: JSON) -> Loaded:
    """Load a network with its weights.

    What a file of others does not tell is logged as a warning, with the value that is assumed.

    Args:
        path_or_id: a ``.safetensors`` file of kukkiri or of others, a ``.pth`` file (read with
            ``weights_only=True``, so that no code runs), or the id of a shipped model, such as ``espcn-x3``.
        **arguments: keywords of the network's constructor that the file does not determine, such as ``scale=3`` or
            ``res_scale=0.1``; they override those in the file. For SRMD also ``basis``, a file of the principal
            components of its kernels, see :func:`kukkiri.degradations.read_basis`.

    Returns:
        The network in evaluation mode, every key of the file used (``strict=True``). The generator and the
        discriminator of KernelGAN and the predictor and the corrector of IKC load, too, and do not upscale.

    Raises:
        ModelError: no such file or id, a file that is damaged, of an unknown network (one of another package that is
            not registered, see :func:`kukkiri.networks.register`) or of another kind, or arguments that do not fit.
    """
    return load_for_scale(path_or_id, scale=None, arguments=arguments)


def load_for_scale(
    path_or_id: str | PathLike[str], *, scale: float | None, arguments: Mapping[str, JSON] | None = None
) -> Loaded:
    """Load a network at a scale where its weights leave the scale open, else at its own; see :func:`load`.

    Args:
        path_or_id: a file, or the id of a shipped model.
        scale: that is wanted, any number of at least 1; of a network with branches the smallest that suffices is
            taken, else the largest.
        arguments: keywords of the constructor; ``scale`` among them is strict.

    Raises:
        ModelError: see :func:`load`.
    """
    arguments = dict(arguments or {})
    basis = arguments.pop("basis", None)
    path = _find(path_or_id)
    wanted = None if scale is None or "scale" in arguments else scale
    loaded = _load_file(path, wanted=wanted, arguments=arguments)
    if wanted is not None:
        loaded = loaded.at_scale(_choose_scale(loaded, wanted))
    if basis is not None:
        loaded = _with_basis(loaded, str(basis))
    _tell_assumed(str(path), loaded)
    return loaded


def _with_basis(loaded: Loaded, file: str) -> Loaded:
    """Put the components of kernels into the descriptor.

    Raises:
        ConfigError: the file does not hold such.
        ModelError: the network is not conditioned on components, or on others.
    """
    condition = loaded.info.condition
    if condition is None or condition.kind != "components":
        raise ModelError(f"{loaded.info.name}: is not conditioned on components of kernels. Leave the basis out.")
    basis, count = read_basis(file), condition.length - condition.noise
    if len(basis) != count:
        raise ModelError(f"{file}: holds {len(basis)} components, but {loaded.info.name} was trained with {count}.")
    condition = dataclasses.replace(condition, basis=pack_basis(basis))
    return dataclasses.replace(loaded, info=dataclasses.replace(loaded.info, condition=condition))


def _choose_scale(loaded: Loaded, wanted: float) -> int:
    served = loaded.scales
    if served is None:
        return math.ceil(wanted)
    return min((scale for scale in served if scale >= wanted), default=max(served, default=loaded.info.scale))


def _load_file(path: Path, *, wanted: float | None, arguments: Mapping[str, JSON]) -> Loaded:
    if path.suffix.lower() == ".onnx":
        raise ModelError(
            f"{path}: an ONNX graph has no torch network inside. Run it with kukkiri.Upscaler, or load the "
            ".safetensors file that it was exported from."
        )
    if path.suffix.lower() == ".safetensors":
        info, state = read_safetensors(path)
        if info is not None:
            return _load_own(info, state, path=path, arguments=arguments)
    elif path.suffix.lower() not in _PICKLES:
        found = path.suffix or "no suffix"
        raise ModelError(f"{path}: not a file of weights: expected .safetensors or .pth, got {found}.")
    return _load_foreign(path, wanted=wanted, arguments=arguments)


def _load_own(info: ModelInfo, state: Mapping[str, Tensor], *, path: Path, arguments: Mapping[str, JSON]) -> Loaded:
    if info.network not in NETWORKS:
        raise ModelError(f"{path}: {write_unknown_network(info.network)}")
    merged = {**info.arguments, **settle_white(info.network, arguments, source=str(path))}
    module = _build(info.network, merged, state, source=str(path))
    described = describe(module, name=info.name, arguments=merged)
    kept = {name: getattr(info, name) for name in ("training_data", "licence", "sha256")}
    condition = described.condition if info.condition is None else info.condition
    return Loaded(dataclasses.replace(described, **kept, condition=condition), module)


def _load_foreign(path: Path, *, wanted: float | None, arguments: Mapping[str, JSON]) -> Loaded:
    from kukkiri.checkpoints.foreign import recognize

    preferred = int(wanted) if wanted is not None and float(wanted).is_integer() else None
    state = read_state(path)
    if find_estimator(state) is not None:
        return _load_estimator(state, path=path, arguments=arguments)
    try:
        found = recognize(state, source=str(path), preferred_scale=preferred, **arguments)
    except ModelError as error:
        return _load_community(path, unknown=error)
    module = _build(found.network, found.arguments, found.state, source=str(path))
    info = describe(module, name=path.stem, arguments=found.arguments)
    info = dataclasses.replace(info, sha256=tensors_sha256(module.state_dict()))
    assumed = {key: found.arguments.get(key, _find_default(module, key)) for key in found.assumed}
    if module.list_scales(found.arguments) != () and "scale" not in arguments:
        assumed["scale"] = module.scale
    for note in found.notes:
        _warn_once(f"{path}: {found.network}; {note}.")
    return Loaded(info, module, assumed)


def _load_estimator(state: Mapping[str, Tensor], *, path: Path, arguments: Mapping[str, JSON]) -> Loaded:
    """Load what comes beside a conditioned network and does not upscale; scale 1 stands in its descriptor."""
    name = find_estimator(state)
    if arguments:
        raise ModelError(f"{path}: {name} tells all about itself. Drop {', '.join(arguments)}.")
    module = make_estimator(state, source=str(path))
    sha256 = tensors_sha256(module.state_dict())
    network = type(module).__name__.lower()
    info = ModelInfo(name=path.stem, network=network, scale=1, colour="rgb", receptive_field=None, sha256=sha256)
    return Loaded(info, cast(Network, module))  # as all files but these few hold one, callers need not ask


def _find_default(module: Network, key: str) -> JSON:
    default: JSON = inspect.signature(type(module)).parameters[key].default
    return default


def _tell_assumed(source: str, loaded: Loaded) -> None:
    """Log what a file does not tell, with the values that were taken, once for each file and set of values."""
    if not loaded.assumed:
        return
    words = {"scale": _write_scales(loaded), **loaded.module.list_untraced(loaded.info.arguments)}
    values = ", ".join(f"{key}={_as_toml(value)} ({words[key]})" for key, value in loaded.assumed.items())
    key = next(iter(loaded.assumed))
    _warn_once(
        f"{source}: {loaded.info.network}; assumed, as the file does not tell: {values}. "
        f"To say it: --model-args {key}=VALUE, in Python load(..., {key}=VALUE)."
    )


def _write_scales(loaded: Loaded) -> str:
    served = loaded.scales
    return "any scale will do" if served is None else f"one of {', '.join(map(str, served))}"


def _as_toml(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _warn_once(text: str) -> None:
    _LOG.warning("%s", text)


def _load_community(path: Path, *, unknown: ModelError) -> Loaded:
    """Load a file that only spandrel knows; without spandrel, or if it does not know it either, raise ``unknown``."""
    from kukkiri.checkpoints.community import load_with_spandrel

    try:
        module = load_with_spandrel(path)
    except (BackendError, ModelError):
        raise unknown from None
    info = ModelInfo(
        name=path.stem,
        network="unknown",
        scale=module.scale,
        colour=module.colour,
        receptive_field=module.receptive_field,
        multiple=module.multiple,
        sha256=tensors_sha256(module.state_dict()),
    )
    return Loaded(info, module)


def _build(network: str, arguments: Mapping[str, JSON], state: Mapping[str, Tensor], *, source: str) -> Network:
    """Make a network with these weights, in evaluation mode."""
    try:
        module = make_network_from(network, arguments)
    except ValueError as error:
        raise ModelError(f"{source}: {error}") from error
    expected = {key: value.shape for key, value in module.state_dict().items()}
    found = {key: value.shape for key, value in state.items()}
    if expected != found:
        raise ModelError(
            f"{source}: the tensors are not those of {network} with {dict(arguments)}: {write_shapes(found, expected)}."
        )
    module.load_state_dict(dict(state), strict=True)
    return module.eval()


def _list_shared(module: Network) -> dict[str, Any]:
    return {name: getattr(module, name) for name in ("scale", "colour", "receptive_field", "multiple", "pre_upsampled")}


def _find(path_or_id: str | PathLike[str]) -> Path:
    """Find the file: a path that exists, or the id of a shipped model."""
    path = Path(path_or_id)
    if path.is_file():
        return path
    if path.is_dir():
        raise ModelError(f"{path}: a folder, not a file of weights. Name one .safetensors or .pth file in it.")
    if path.suffix or path.parent != Path():
        raise ModelError(f"{path}: no such file. {did_you_mean_file(path)}")
    return pretrained.locate(str(path_or_id), ".safetensors")
