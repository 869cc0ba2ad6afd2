"""Networks, one paper in one file, with the state-dict keys of their official implementations."""

from kukkiri.networks.alexnet import AlexNet
from kukkiri.networks.contextplain import ContextPlain
from kukkiri.networks.dbpn import DBPN, DDBPN
from kukkiri.networks.discriminator import Discriminator
from kukkiri.networks.discriminators import DISCRIMINATORS
from kukkiri.networks.disp import DISP
from kukkiri.networks.dpsr import DPSR
from kukkiri.networks.ecbsr import ECBSR
from kukkiri.networks.edsr import EDSR
from kukkiri.networks.efficientnet_lite import EfficientNetLite0
from kukkiri.networks.enhancenet import EnhanceNet, EnhanceNetDiscriminator
from kukkiri.networks.espcn import ESPCN
from kukkiri.networks.etds import ETDS
from kukkiri.networks.feature_network import FeatureNetwork
from kukkiri.networks.fsrcnn import FSRCNN
from kukkiri.networks.ikc import SFTMD, IKCCorrector, IKCPredictor
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.networks.johnson import Johnson
from kukkiri.networks.kernelgan import KernelGANDiscriminator, KernelGANGenerator
from kukkiri.networks.mdsr import MDSR
from kukkiri.networks.metaplain import MetaPlain
from kukkiri.networks.metasr import MetaRDN
from kukkiri.networks.modulatedplain import ModulatedPlain
from kukkiri.networks.msrresnet import MSRResNet
from kukkiri.networks.nlrn import NLRN
from kukkiri.networks.pix2pix import PatchDiscriminator
from kukkiri.networks.plain import Plain
from kukkiri.networks.rcan import RCAN
from kukkiri.networks.rdn import RDN
from kukkiri.networks.real_esrgan import UNetDiscriminator
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
from kukkiri.networks.vgg import VGG16, VGG16L2, VGG19
from kukkiri.networks.zssr import MZSR, ZSSR

__all__ = [
    "DBPN",
    "DDBPN",
    "DISCRIMINATORS",
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
    "VGG16",
    "VGG16L2",
    "VGG19",
    "ZSSR",
    "AlexNet",
    "Configuration",
    "ContextPlain",
    "Discriminator",
    "ESRGANDiscriminator",
    "EfficientNetLite0",
    "EnhanceNet",
    "EnhanceNetDiscriminator",
    "FeatureNetwork",
    "IKCCorrector",
    "IKCPredictor",
    "InstanceSRResNet",
    "Johnson",
    "KernelGANDiscriminator",
    "KernelGANGenerator",
    "MSRResNet",
    "MetaPlain",
    "MetaRDN",
    "ModulatedPlain",
    "Network",
    "PatchDiscriminator",
    "Plain",
    "PublishedScores",
    "RRDBNet",
    "SRGANDiscriminator",
    "SRResNet",
    "UNetDiscriminator",
    "USRNet",
    "register",
]
