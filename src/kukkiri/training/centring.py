"""Training on inputs centred around a grey value, which is folded exactly into two biases afterwards.

A first layer whose inputs lie around 0.45 spends its gradient on their mean. ``net(lr - c) + c`` removes the mean,
and because a convolution is affine, ``W (x - c) + b`` is ``W x + (b - c sum W)``: only two biases change, or one where
the network adds its own input to its output, which restores the mean. The shift is folded before zero padding is
applied, so the identity holds at borders too.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["Centred"]


class Centred(nn.Module):
    """A network trained as if ``centre`` were subtracted from its input and added to its output."""

    def __init__(self, network: nn.Module, *, centre: float) -> None:
        """Wrap a network that begins and ends with a convolution that has a bias.

        Raises:
            ValueError: the first or the last convolution has no bias.
        """
        super().__init__()
        self.network = network
        self.centre = centre
        self._added = 0.0 if getattr(network, "adds_input", False) else centre
        layers = [
            (name, module)
            for name, module in network.named_modules()
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        ]
        if not layers or layers[0][1].bias is None or layers[-1][1].bias is None:
            raise ValueError("centring needs a first and a last convolution with biases")
        self._first, self._last = layers[0][0], layers[-1][0]

    def folded(self) -> dict[str, Tensor]:
        """Return the two biases with the shift folded in, by their names in the network; differentiable."""
        if not self.centre:
            return {}
        parameters = dict(self.network.named_parameters())
        first, last = f"{self._first}.bias", f"{self._last}.bias"
        weight = parameters[f"{self._first}.weight"]
        return {
            first: parameters[first] - self.centre * weight.sum((1, 2, 3)),
            last: parameters[last] + self._added,
        }

    def forward(self, lr: Tensor) -> Tensor:
        """Run the network with the folded biases."""
        sr: Tensor = functional_call(self.network, self.folded(), (lr,))
        return sr

    @torch.no_grad()
    def unfold(self) -> None:
        """Remove the shift from the network's two biases, in place: ordinary weights become centred ones."""
        if self.centre:
            parameters = dict(self.network.named_parameters())
            weight = parameters[f"{self._first}.weight"]
            parameters[f"{self._first}.bias"].add_(self.centre * weight.sum((1, 2, 3)))
            parameters[f"{self._last}.bias"].sub_(self._added)

    @torch.no_grad()
    def folded_state(self) -> dict[str, Tensor]:
        """Return the state dict of the network without centring, which is what is saved."""
        state = {key: value.detach().clone() for key, value in self.network.state_dict().items()}
        state.update({key: value.clone() for key, value in self.folded().items()})
        return state
