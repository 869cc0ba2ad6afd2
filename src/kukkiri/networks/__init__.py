"""One paper, one file: the networks, with the state-dict keys of their official implementations."""

from kukkiri.networks.espcn import ESPCN, start_as_interpolator
from kukkiri.networks.fsrcnn import FSRCNN
from kukkiri.networks.interface import Network
from kukkiri.networks.registry import NETWORKS
from kukkiri.networks.rrdbnet import ESRGANDiscriminator, RRDBNet
from kukkiri.networks.srcnn import SRCNN
from kukkiri.networks.vdsr import VDSR

__all__ = [
    "ESPCN",
    "FSRCNN",
    "NETWORKS",
    "SRCNN",
    "VDSR",
    "ESRGANDiscriminator",
    "Network",
    "RRDBNet",
    "start_as_interpolator",
]
