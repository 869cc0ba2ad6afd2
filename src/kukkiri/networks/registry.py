"""Every network by its name, written by hand."""

from kukkiri.networks.contextplain import ContextPlain
from kukkiri.networks.dbpn import DBPN, DDBPN
from kukkiri.networks.dpsr import DPSR
from kukkiri.networks.ecbsr import ECBSR
from kukkiri.networks.edsr import EDSR
from kukkiri.networks.enhancenet import EnhanceNet
from kukkiri.networks.espcn import ESPCN
from kukkiri.networks.fsrcnn import FSRCNN
from kukkiri.networks.ikc import SFTMD
from kukkiri.networks.interface import Network
from kukkiri.networks.johnson import Johnson
from kukkiri.networks.mdsr import MDSR
from kukkiri.networks.metasr import MetaRDN
from kukkiri.networks.msrresnet import MSRResNet
from kukkiri.networks.nlrn import NLRN
from kukkiri.networks.plain import Plain
from kukkiri.networks.rcan import RCAN
from kukkiri.networks.rdn import RDN
from kukkiri.networks.rrdbnet import RRDBNet
from kukkiri.networks.san import SAN
from kukkiri.networks.srcnn import SRCNN
from kukkiri.networks.srgan import SRGAN
from kukkiri.networks.srmd import SRMD
from kukkiri.networks.srresnet import InstanceSRResNet, SRResNet
from kukkiri.networks.usrnet import USRNet
from kukkiri.networks.vdsr import VDSR
from kukkiri.networks.zssr import MZSR, ZSSR

__all__ = ["NETWORKS"]

NETWORKS: dict[str, type[Network]] = {
    "contextplain": ContextPlain,
    "dbpn": DBPN,
    "ddbpn": DDBPN,
    "dpsr": DPSR,
    "ecbsr": ECBSR,
    "edsr": EDSR,
    "enhancenet": EnhanceNet,
    "espcn": ESPCN,
    "fsrcnn": FSRCNN,
    "johnson": Johnson,
    "mdsr": MDSR,
    "metardn": MetaRDN,
    "msrresnet": MSRResNet,
    "mzsr": MZSR,
    "nlrn": NLRN,
    "plain": Plain,
    "rcan": RCAN,
    "rdn": RDN,
    "rrdbnet": RRDBNet,
    "san": SAN,
    "sftmd": SFTMD,
    "srcnn": SRCNN,
    "srgan": SRGAN,
    "srmd": SRMD,
    "srresnet": SRResNet,
    "srresnet_instance": InstanceSRResNet,
    "usrnet": USRNet,
    "vdsr": VDSR,
    "zssr": ZSSR,
}
"""The networks that a checkpoint or a recipe can name, sorted."""
