"""The interface of a network: everything that engines, checkpoints, tables and tests read, on the class itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON, Condition

__all__ = ["Configuration", "Network", "PublishedScores"]

_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True, kw_only=True)
class PublishedScores:
    """PSNR on Y in dB for bicubic degradation, by scale, as others report it."""

    set5: Mapping[int, float] = field(default_factory=dict)
    b100: Mapping[int, float] = field(default_factory=dict)
    source: str
    """Table or page where the numbers were read."""


@dataclass(frozen=True)
class Configuration:
    """A named choice of a network's arguments, one row of docs/models.md."""

    title: str
    """Unique name of the row."""
    arguments: Mapping[str, JSON]
    """Keywords of the constructor."""
    published: PublishedScores | None = None


class Network(nn.Module):
    """A super-resolution network: lr (N, C, H, W) to sr (N, C, scale*H, scale*W), not clamped.

    A subclass sets the attributes below, on the class where they never vary and in the constructor where
    they do. Constructors take keywords only, and JSON values only, so that a checkpoint can carry them; ``scale``
    is one of them. The attributes from ``title`` on describe the network to people, tables and tests: those in
    ``NETWORKS`` have them all, a network of another package needs none.
    """

    scale: int
    """Output pixels for each input pixel along a side."""
    colour: Literal["y", "rgb"] = "rgb"
    """One luma channel or three."""
    value_range: float = 1.0
    """White in the units of the official forward: 1.0, or 255.0."""
    receptive_field: int | None
    """Radius in LR pixels: how far an input pixel can be from the output pixels that it changes; ``None``: global."""
    multiple: int = 1
    """Height and width of the input must be a multiple of this."""
    pre_upsampled: bool = False
    """The input is already upscaled by bicubic interpolation; the output has its size."""
    adds_input: bool = False
    """The network adds to its own input pixels, so that a shift of the input shifts the output by itself."""
    conditions: tuple[str, ...] = ()
    """Arguments of the forward after the image: ``kernel``, (N, 1, K, K) of a true convolution; ``noise_std``, (N,);
    any other name: the vector that :meth:`describe_condition` describes."""
    fractional_scales: bool = False
    """The forward takes a ``scale``, which need not be a whole number."""

    title: str = ""
    """The name in the paper's spelling."""
    paper: str = ""
    """Authors, venue, year and arXiv id."""
    keys_source: str = ""
    """Repositories whose state dicts load, every tensor used and none missing; ``own``: there is none."""
    licence: str = ""
    """Licence of the code whose layout is followed, and of its weights where they have another."""
    configurations: Sequence[Configuration] = ()
    """The rows of docs/models.md."""
    tiny: Sequence[Mapping[str, JSON]] = ()
    """Arguments of small networks, which between them cover every branch of the constructor; for tests."""
    unused_keys: str = ""
    """Regular expression found in the keys of parameters on which no output depends; empty: there is none."""
    untraced: Mapping[str, str] = {}
    """Keywords of the constructor that leave no trace in a state dict, with words that help to choose their values."""
    deployed_arguments: ClassVar[Mapping[str, JSON]] = {}
    """Keywords of the constructor that :meth:`deployed` sets: with them on top, the arguments describe its result."""

    @property
    def channels(self) -> int:
        """Channels of input and output."""
        return 1 if self.colour == "y" else 3

    def example_conditions(self, batch: int) -> tuple[Tensor, ...]:
        """Valid random values of ``conditions`` for ``batch`` images, for tests and for counting operations."""
        return ()

    def describe_condition(self) -> Condition | None:
        """Describe what ``conditions`` are computed from; ``None``: there are none, or engines cannot give them."""
        return None

    def deployed(self) -> "Network":
        """Return an equal network as it is shipped: over-parameterized blocks folded into plain convolutions.

        The result has the constructor's keywords of this network with ``deployed_arguments`` on top, its device, dtype
        and mode, and weights of its own; a network without such blocks, as the result is, returns itself.
        """
        return self

    def expand_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Translate a state dict of the deployed form into one of this form with the same function.

        Tensors without such a translation, as those that are already of this form, stay as they are.

        Raises:
            ValueError: this form is too narrow for the weights.
        """
        return dict(state)

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """Compute the parameters, by their names, with which this network is ``net(lr - centre) + centre``.

        A convolution is affine: W (x - c) + b = W x + (b - c sum W). The bias of the first one takes the shift, before
        zeros are padded, and that of the last one restores it where the network does not add its own input. Other
        parameters are not returned. Differentiable; ``shift_input(-centre)`` is the inverse.

        A network that does not begin and end with a convolution overrides this.

        Raises:
            ValueError: the network has no such form.
        """
        layers = [(name, layer) for name, layer in self.named_modules() if isinstance(layer, _CONVOLUTIONS)]
        biases = {f"{name}.bias": layer.bias for name, layer in layers if layer.bias is not None}
        first, last = (f"{layers[i][0] if layers else ''}.bias" for i in (0, -1))
        if first not in biases or not (self.adds_input or last in biases):
            raise ValueError("centring needs a first and a last convolution with biases")
        shifted: dict[str, Tensor] = {first: biases[first] - centre * layers[0][1].weight.sum((1, 2, 3))}
        if not self.adds_input:
            shifted[last] = shifted.get(last, biases[last]) + centre
        return shifted

    @classmethod
    def list_untraced(cls, arguments: Mapping[str, JSON]) -> Mapping[str, str]:
        """List the keywords of ``untraced`` that matter beside these arguments."""
        return cls.untraced

    @classmethod
    def list_scales(cls, arguments: Mapping[str, JSON]) -> tuple[int, ...] | None:
        """List the scales that weights with these arguments serve: sorted; empty: their own only; ``None``: every one.

        Such weights are used at the scale that is asked for.
        """
        return None if cls.pre_upsampled else ()

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer the constructor's keywords from the shapes of a state dict.

        Raises:
            ModelError: the shapes are not those of this network, or it does not infer them.
        """
        raise ModelError(f"{cls.__name__} does not infer its arguments from a state dict.")
