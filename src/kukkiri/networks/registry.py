"""Every network by its name, written by hand."""

from kukkiri.networks.espcn import ESPCN
from kukkiri.networks.fsrcnn import FSRCNN
from kukkiri.networks.interface import Network
from kukkiri.networks.rrdbnet import RRDBNet
from kukkiri.networks.srcnn import SRCNN
from kukkiri.networks.vdsr import VDSR

__all__ = ["NETWORKS"]

NETWORKS: dict[str, type[Network]] = {
    "espcn": ESPCN,
    "fsrcnn": FSRCNN,
    "rrdbnet": RRDBNet,
    "srcnn": SRCNN,
    "vdsr": VDSR,
}
"""The networks that a checkpoint or a recipe can name, sorted."""
