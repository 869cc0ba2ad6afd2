"""Training on inputs centred around a grey value, which is folded exactly into two biases afterwards.

A first layer whose inputs lie around 0.45 spends its gradient on their mean. ``net(lr - c) + c`` removes the mean,
and because a convolution is affine, ``W (x - c) + b`` is ``W x + (b - c sum W)``: only two biases change, or one where
the network adds its own input to its output, which restores the mean. The shift is folded before zero padding is
applied, so the identity holds at borders too.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from kukkiri.networks import Network

__all__ = ["Centred"]


class Centred(nn.Module):
    """A network trained as if ``centre`` were subtracted from its input and added to its output."""

    def __init__(self, network: Network, *, centre: float) -> None:
        """Wrap a network; :meth:`Network.shift_input` says which of its parameters take the shift.

        Raises:
            ValueError: the network has no such form, as when its first or last convolution has no bias.
        """
        super().__init__()
        self.network = network
        self.centre = centre
        self.folded()

    def folded(self) -> dict[str, Tensor]:
        """Return the parameters with the shift folded in, by their names in the network; differentiable."""
        return self.network.shift_input(self.centre) if self.centre else {}

    def forward(self, lr: Tensor) -> Tensor:
        """Run the network with the folded parameters."""
        sr: Tensor = functional_call(self.network, self.folded(), (lr,))
        return sr

    @torch.no_grad()
    def unfold(self) -> None:
        """Remove the shift from the network's parameters, in place: ordinary weights become centred ones."""
        if self.centre:
            parameters = dict(self.network.named_parameters())
            for name, value in self.network.shift_input(-self.centre).items():
                parameters[name].copy_(value)

    @torch.no_grad()
    def folded_state(self) -> dict[str, Tensor]:
        """Return the state dict of the network without centring, which is what is saved."""
        state = {key: value.detach().clone() for key, value in self.network.state_dict().items()}
        state.update({key: value.clone() for key, value in self.folded().items()})
        return state
