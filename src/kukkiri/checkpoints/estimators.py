"""Networks that come beside conditioned ones and do not upscale: KernelGAN's pair, IKC's predictor and corrector."""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TypeAlias, TypeVar

from torch import Tensor, nn

from kukkiri.checkpoints.reading import read_state
from kukkiri.errors import ModelError
from kukkiri.networks import IKCCorrector, IKCPredictor, KernelGANDiscriminator, KernelGANGenerator
from kukkiri.networks.state_shapes import load_fitting

__all__ = ["Estimator", "fill_network", "find_estimator", "load_estimator", "make_estimator"]

Estimator: TypeAlias = KernelGANGenerator | KernelGANDiscriminator | IKCPredictor | IKCCorrector
Kind = TypeVar("Kind", bound=nn.Module)
State = Mapping[str, Tensor]


def load_estimator(path: str | PathLike[str]) -> Estimator:
    """Load KernelGAN's generator or discriminator, or IKC's predictor or corrector, from its official layout.

    Args:
        path: ``.pth`` or ``.safetensors``.

    Returns:
        The network in evaluation mode; its class tells which one it is.

    Raises:
        ModelError: no such file, another network's, or one whose tensors differ; the message names the first.
    """
    state = read_state(Path(path))
    if find_estimator(state) is None:
        raise ModelError(
            f"{path}: not KernelGAN's generator or discriminator, nor IKC's predictor or corrector; its keys begin "
            f"with {', '.join(sorted(state)[:3])}. Networks that upscale are loaded by kukkiri.load."
        )
    return make_estimator(state, source=str(path))


def find_estimator(state: State) -> str | None:
    """Find the estimator whose keys these are."""
    keys = set(state)
    return next((name for name, (needed, _) in _KINDS.items() if needed <= keys), None)


def make_estimator(state: State, *, source: str) -> Estimator:
    """Make the network whose keys these are, of the size that the first tensors tell, with its weights.

    Raises:
        ModelError: a tensor differs from that network's.
    """
    name = find_estimator(state)
    if name is None:
        raise ValueError(f"{source}: not a state dict of an estimator")
    return fill_network(_KINDS[name][1](state), state, name=name, source=source)


def fill_network(network: Kind, state: State, *, name: str, source: str) -> Kind:
    """Put weights into a network, every key used, and set it to evaluation.

    Raises:
        ModelError: a tensor differs; the message names the first.
    """
    try:
        load_fitting(network, state)
    except ModelError as error:
        raise ModelError(f"{source}: {name}, but {error}.") from error
    return network.eval()


def _make_generator(state: State) -> KernelGANGenerator:
    features = sorted(key for key in state if key.startswith("feature_block."))
    sides = [state[key].shape[-1] for key in ("first_layer.weight", *features, "final_layer.weight")]
    return KernelGANGenerator(width=len(state["first_layer.weight"]), kernels=sides)


def _make_discriminator(state: State) -> KernelGANDiscriminator:
    first = state["first_layer.weight_orig"]
    depth = 2 + sum(key.startswith("feature_block.") and key.endswith("weight_orig") for key in state)
    return KernelGANDiscriminator(width=len(first), depth=depth, kernel_size=first.shape[-1])


def _make_corrector(state: State) -> IKCCorrector:
    return IKCCorrector(code=state["code_dense.0.weight"].shape[1], width=len(state["ConvNet.0.weight"]))


def _make_predictor(state: State) -> IKCPredictor:
    return IKCPredictor(code=len(state["ConvNet.10.weight"]), width=len(state["ConvNet.0.weight"]))


_KINDS: dict[str, tuple[set[str], Callable[[State], Estimator]]] = {
    "KernelGAN's generator": ({"first_layer.weight", "feature_block.0.weight", "final_layer.weight"}, _make_generator),
    "KernelGAN's discriminator": ({"first_layer.weight_orig", "final_layer.0.weight_orig"}, _make_discriminator),
    "IKC's corrector": ({"ConvNet.0.weight", "code_dense.0.weight", "global_dense.4.weight"}, _make_corrector),
    "IKC's predictor": ({"ConvNet.0.weight", "ConvNet.10.weight"}, _make_predictor),
}
