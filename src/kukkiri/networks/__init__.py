"""Networks, one paper in one file, with the state-dict keys of their official implementations."""

from kukkiri.networks.contextplain import ContextPlain
from kukkiri.networks.dbpn import DBPN, DDBPN
from kukkiri.networks.disp import DISP
from kukkiri.networks.dpsr import DPSR
from kukkiri.networks.ecbsr import ECBSR
from kukkiri.networks.edsr import EDSR
from kukkiri.networks.enhancenet import EnhanceNet
from kukkiri.networks.espcn import ESPCN
from kukkiri.networks.etds import ETDS
from kukkiri.networks.fsrcnn import FSRCNN
from kukkiri.networks.ikc import SFTMD, IKCCorrector, IKCPredictor
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.networks.johnson import Johnson
from kukkiri.networks.kernelgan import KernelGANDiscriminator, KernelGANGenerator
from kukkiri.networks.mdsr import MDSR
from kukkiri.networks.metasr import MetaRDN
from kukkiri.networks.msrresnet import MSRResNet
from kukkiri.networks.nlrn import NLRN
from kukkiri.networks.plain import Plain
from kukkiri.networks.rcan import RCAN
from kukkiri.networks.rdn import RDN
from kukkiri.networks.registry import NETWORKS, register
from kukkiri.networks.rrdbnet import ESRGANDiscriminator, RRDBNet
from kukkiri.networks.san import SAN
from kukkiri.networks.sesr import SESR
from kukkiri.networks.srcnn import SRCNN
from kukkiri.networks.srgan import SRGAN, SRGANDiscriminator
from kukkiri.networks.srmd import SRMD
from kukkiri.networks.srresnet import InstanceSRResNet, SRResNet
from kukkiri.networks.usrnet import USRNet
from kukkiri.networks.vdsr import VDSR
from kukkiri.networks.zssr import MZSR, ZSSR

__all__ = [
    "DBPN",
    "DDBPN",
    "DISP",
    "DPSR",
    "ECBSR",
    "EDSR",
    "ESPCN",
    "ETDS",
    "FSRCNN",
    "MDSR",
    "MZSR",
    "NETWORKS",
    "NLRN",
    "RCAN",
    "RDN",
    "SAN",
    "SESR",
    "SFTMD",
    "SRCNN",
    "SRGAN",
    "SRMD",
    "VDSR",
    "ZSSR",
    "Configuration",
    "ContextPlain",
    "ESRGANDiscriminator",
    "EnhanceNet",
    "IKCCorrector",
    "IKCPredictor",
    "InstanceSRResNet",
    "Johnson",
    "KernelGANDiscriminator",
    "KernelGANGenerator",
    "MSRResNet",
    "MetaRDN",
    "Network",
    "Plain",
    "PublishedScores",
    "RRDBNet",
    "SRGANDiscriminator",
    "SRResNet",
    "USRNet",
    "register",
]
