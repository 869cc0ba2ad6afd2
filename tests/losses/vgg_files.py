"""Weight files of VGG-16 and VGG-19 with few features, in torchvision's layout."""

import torch
from torch import nn

CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def make_state(depth, *, width, seed=0):
    """The state dict, its convolutions at torchvision's positions, with a classifier that is not used."""
    torch.manual_seed(seed)
    state, position, inputs = {"classifier.0.weight": torch.zeros(2, 2)}, 0, 3
    for block, count in enumerate(CONVOLUTIONS[depth]):
        for _ in range(count):
            outputs = width * 2 ** min(block, 3)
            layer = nn.Conv2d(inputs, outputs, 3)
            nn.init.kaiming_normal_(layer.weight)
            state |= {f"features.{position}.{key}": value.detach() for key, value in layer.state_dict().items()}
            position, inputs = position + 2, outputs
        position += 1
    return state


def make_identity_state(depth, *, bias=0.0):
    """Width 1; the first two convolutions pass the first channel, with a bias in the second."""
    state = make_state(depth, width=1)
    for position in (0, 2):
        state[f"features.{position}.weight"].zero_()[0, 0, 1, 1] = 1.0
        state[f"features.{position}.bias"].fill_(bias if position else 0.0)
    return state
