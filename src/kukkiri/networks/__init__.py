"""One paper, one file: the networks, with the state-dict keys of their official implementations."""

from kukkiri.networks.dbpn import DBPN, DDBPN
from kukkiri.networks.ecbsr import ECBSR
from kukkiri.networks.espcn import ESPCN, start_as_interpolator
from kukkiri.networks.fsrcnn import FSRCNN
from kukkiri.networks.interface import Network
from kukkiri.networks.msrresnet import MSRResNet
from kukkiri.networks.registry import NETWORKS
from kukkiri.networks.rrdbnet import ESRGANDiscriminator, RRDBNet
from kukkiri.networks.srcnn import SRCNN
from kukkiri.networks.srgan import SRGAN, SRGANDiscriminator
from kukkiri.networks.srresnet import InstanceSRResNet, SRResNet
from kukkiri.networks.vdsr import VDSR

__all__ = [
    "DBPN",
    "DDBPN",
    "ECBSR",
    "ESPCN",
    "FSRCNN",
    "NETWORKS",
    "SRCNN",
    "SRGAN",
    "VDSR",
    "ESRGANDiscriminator",
    "InstanceSRResNet",
    "MSRResNet",
    "Network",
    "RRDBNet",
    "SRGANDiscriminator",
    "SRResNet",
    "start_as_interpolator",
]
