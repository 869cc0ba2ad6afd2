"""Foreign layouts of state dicts: translation from the keys of popular ports to the keys of our networks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from kukkiri.info import JSON
from kukkiri.networks.blocks import count_blocks, rename_keys
from kukkiri.networks.edsr import edsr_from_basicsr
from kukkiri.networks.rcan import rcan_from_basicsr
from kukkiri.networks.rdn import rdn_from_yjn870

__all__ = ["DIALECTS", "Dialect", "strip_wrappers"]

_WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that DataParallel and torch.compile add to every key."""
_OUTER = ("model.", "net.", "net_g.", "netG.", "generator.", "G.")
"""Prefixes from training code that holds the network in an attribute; tried last, as some networks have them, too."""

State = dict[str, Tensor]


@dataclass(frozen=True)
class Dialect:
    """One foreign layout."""

    name: str
    """For people."""
    signature: str
    """Regular expression that matches some key of every state dict in this layout, and no key of our networks."""
    translate: Callable[[Mapping[str, Tensor]], State]
    """Function from a state dict in this layout to one with the keys of the network."""
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    """Keywords of the constructor that the layout implies."""

    def applies(self, state: Mapping[str, Tensor]) -> bool:
        """True when a state dict may be in this layout."""
        return any(re.fullmatch(self.signature, key) for key in state)


def strip_wrappers(state: Mapping[str, Tensor], *, outer: bool = False) -> State:
    """Remove prefixes that all keys share: ``module.``; with ``outer`` also ``model.``, ``generator.`` and so on."""
    stripped = {key: value for key, value in state.items() if key != "n_averaged"}  # a counter of averaged weights
    prefixes = _WRAPPERS + (_OUTER if outer else ())
    while stripped:
        shared = next((prefix for prefix in prefixes if all(key.startswith(prefix) for key in stripped)), None)
        if shared is None:
            break
        stripped = {key.removeprefix(shared): value for key, value in stripped.items()}
    return stripped


def _translate_old_esrgan(state: Mapping[str, Tensor]) -> State:
    """Translate ESRGAN's first layout, ``model.1.sub.*``; the last of ``sub`` is the convolution of the trunk."""
    rules = [
        (r"model\.1\.sub\.(\d+)\.(RDB\d)\.(conv\d)\.0\.", r"RRDB_trunk.\1.\2.\3."),
        (rf"model\.1\.sub\.{count_blocks(state, 'model.1.sub.') - 1}\.", "trunk_conv."),
        (r"model\.0\.", "conv_first."),
        (r"model\.3\.", "upconv1."),
        (r"model\.6\.", "upconv2."),
        (r"model\.8\.", "HRconv."),
        (r"model\.10\.", "conv_last."),
    ]
    return rename_keys(state, rules)


def _translate_bias_free_vdsr(state: Mapping[str, Tensor]) -> State:
    """Translate twtygqyy's VDSR: ``input``, ``residual_layer.{i}.conv`` and ``output`` to ``layers.{i}``."""
    last = count_blocks(state, "residual_layer.") + 1
    inner = {f"residual_layer.{i}.conv": f"layers.{i + 1}" for i in range(last - 1)}
    names = {"input": "layers.0", **inner, "output": f"layers.{last}"}
    return {f"{names.get(key.removesuffix('.weight'), key)}.weight": value for key, value in state.items()}


def _translate_tensorflow_mzsr(state: Mapping[str, Tensor]) -> State:
    """Translate MZSR's TensorFlow variables to PyTorch's axes, and drop those of its optimizers.

    ``MODEL/conv1/kernel`` (height, width, in, out) is ``conv1.weight`` (out, in, height, width).
    """
    renamed: State = {}
    for key, value in state.items():
        match = re.fullmatch(r"MODEL[/.](conv\d)[/.](kernel|bias)", key)
        if match and match[2] == "kernel":
            renamed[f"{match[1]}.weight"] = value.permute(3, 2, 0, 1).contiguous()
        elif match:
            renamed[f"{match[1]}.bias"] = value
        elif not re.search(r"Adam|beta\d_power|global_step|stop_grad", key):
            renamed[key] = value
    return renamed


DIALECTS = (
    Dialect("BasicSR's EDSR", r"body\.0\.conv1\.weight", edsr_from_basicsr),
    Dialect("BasicSR's RCAN", r"body\.0\.residual_group\.0\.rcab\.0\.weight", rcan_from_basicsr),
    Dialect("ESRGAN's old layout", r"model\.1\.sub\.0\.RDB1\.conv1\.0\.weight", _translate_old_esrgan),
    Dialect("MZSR's TensorFlow variables", r"MODEL[/.]conv1[/.]kernel", _translate_tensorflow_mzsr),
    Dialect("twtygqyy's VDSR", r"residual_layer\.0\.conv\.weight", _translate_bias_free_vdsr),
    Dialect("yjn870's RDN", r"sfe1\.weight", rdn_from_yjn870, {"value_range": 1.0}),
)
"""The known foreign layouts."""
