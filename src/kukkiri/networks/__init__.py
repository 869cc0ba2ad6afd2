"""One paper, one file: the networks, with the state-dict keys of their official implementations."""

from kukkiri.networks.interface import Network
from kukkiri.networks.registry import NETWORKS
from kukkiri.networks.srcnn import SRCNN
from kukkiri.networks.vdsr import VDSR

__all__ = ["NETWORKS", "SRCNN", "VDSR", "Network"]
