"""Every network by its name, written by hand, and the registration of networks of other packages at run time."""

import inspect
import json
import re

from kukkiri.errors import did_you_mean
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
from kukkiri.networks.ikc import SFTMD
from kukkiri.networks.interface import Network
from kukkiri.networks.johnson import Johnson
from kukkiri.networks.mdsr import MDSR
from kukkiri.networks.metaplain import MetaPlain
from kukkiri.networks.metasr import MetaRDN
from kukkiri.networks.modulatedplain import ModulatedPlain
from kukkiri.networks.msrresnet import MSRResNet
from kukkiri.networks.nlrn import NLRN
from kukkiri.networks.plain import Plain
from kukkiri.networks.rcan import RCAN
from kukkiri.networks.rdn import RDN
from kukkiri.networks.rrdbnet import RRDBNet
from kukkiri.networks.san import SAN
from kukkiri.networks.sesr import SESR
from kukkiri.networks.srcnn import SRCNN
from kukkiri.networks.srgan import SRGAN
from kukkiri.networks.srmd import SRMD
from kukkiri.networks.srresnet import InstanceSRResNet, SRResNet
from kukkiri.networks.usrnet import USRNet
from kukkiri.networks.vdsr import VDSR
from kukkiri.networks.zssr import MZSR, ZSSR

__all__ = ["NETWORKS", "register", "write_unknown_network"]

NETWORKS: dict[str, type[Network]] = {
    "contextplain": ContextPlain,
    "dbpn": DBPN,
    "ddbpn": DDBPN,
    "disp": DISP,
    "dpsr": DPSR,
    "ecbsr": ECBSR,
    "edsr": EDSR,
    "enhancenet": EnhanceNet,
    "espcn": ESPCN,
    "etds": ETDS,
    "fsrcnn": FSRCNN,
    "johnson": Johnson,
    "mdsr": MDSR,
    "metaplain": MetaPlain,
    "metardn": MetaRDN,
    "modulatedplain": ModulatedPlain,
    "msrresnet": MSRResNet,
    "mzsr": MZSR,
    "nlrn": NLRN,
    "plain": Plain,
    "rcan": RCAN,
    "rdn": RDN,
    "rrdbnet": RRDBNet,
    "san": SAN,
    "sesr": SESR,
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


def register(name: str, network: type[Network], *, replace: bool = False) -> None:
    """Add a network of another package to ``NETWORKS``, for this process.

    Recipes, checkpoints and :func:`kukkiri.load` then know it by its name. A process that loads such a checkpoint
    registers the network first.

    Args:
        name: lower-case letters, digits and ``_``, beginning with a letter.
        network: a subclass of :class:`Network`. Its constructor takes keywords only, ``scale`` among them, with
            defaults that JSON can hold.
        replace: another class may already have the name, as when a notebook cell is run again.

    Raises:
        ValueError: the name is taken by another class, or is not of that form.
        TypeError: not a subclass of :class:`Network`, or a constructor of another form.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"a network's name has lower-case letters, digits and _, such as 'my_net'; got {name!r}.")
    if not (isinstance(network, type) and issubclass(network, Network)):
        raise TypeError(f"expected a subclass of kukkiri.networks.Network, got {network!r}")
    if NETWORKS.get(name, network) is not network and not replace:
        raise ValueError(
            f"the name {name!r} belongs to {NETWORKS[name].__name__} already. Take another, or pass replace=True."
        )
    _check_constructor(network)
    NETWORKS[name] = network


def write_unknown_network(name: str) -> str:
    """Write the message about a name that is not in ``NETWORKS``."""
    return (
        f"unknown network {name!r}{did_you_mean(name, sorted(NETWORKS))} A network of another package is registered "
        f"first: kukkiri.networks.register({name!r}, TheNetwork); the command line takes the ONNX file that "
        "kukkiri.checkpoints.export_onnx writes of it."
    )


def _check_constructor(network: type[Network]) -> None:
    """Check that a checkpoint can carry the arguments of a network's constructor."""
    parameters = inspect.signature(network).parameters
    if "scale" not in parameters:
        raise TypeError(f"{network.__name__}: the constructor must take scale")
    for parameter in parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{network.__name__}: argument {parameter.name!r} must be keyword-only: put it after a *")
        try:
            json.dumps(None if parameter.default is inspect.Parameter.empty else parameter.default)
        except TypeError as error:
            raise TypeError(f"{network.__name__}: the default of {parameter.name!r} is no JSON value") from error
