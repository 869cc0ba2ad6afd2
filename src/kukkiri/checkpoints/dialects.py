"""Foreign layouts of state dicts: translation from the keys of popular ports to the keys of our networks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from kukkiri.info import JSON
from kukkiri.networks.blocks import count_blocks, infer_value_range, rename_keys
from kukkiri.networks.edsr import edsr_from_basicsr
from kukkiri.networks.rcan import rcan_from_basicsr
from kukkiri.networks.rdn import rdn_from_yjn870

__all__ = ["DIALECTS", "Dialect"]

State = dict[str, Tensor]
_KAIR_EPSILON = 1e-4
"""Of the batch normalizations in cszn/KAIR."""


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

    infer: Callable[[Mapping[str, Tensor]], Mapping[str, JSON]] = lambda _: {}
    """Function from a state dict in this layout to further keywords, which the translated one no longer tells."""
    assumes: str = ""
    """Arguments that the layout leaves open, and the values taken for them; for people."""

    def applies(self, state: Mapping[str, Tensor]) -> bool:
        """True when a state dict may be in this layout."""
        return any(re.fullmatch(self.signature, key) for key in state)


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
        match = re.fullmatch(rf"{_TENSORFLOW}(conv\d)[/.](kernel|bias)(?::0)?", key)
        if match and match[2] == "kernel":
            renamed[f"{match[1]}.weight"] = value.permute(3, 2, 0, 1).contiguous()
        elif match:
            renamed[f"{match[1]}.bias"] = value
        elif not re.search(r"Adam|beta\d_power|global_step|stop_grad", key):
            renamed[key] = value
    return renamed


def _fold_normalized_srmd(state: Mapping[str, Tensor]) -> State:
    """Merge the batch normalizations of KAIR's SRMD (``act_mode="BR"``) into the convolutions before them.

    ``y = g (conv(x) - m) / sqrt(v + epsilon) + b``, so the kernel takes ``f = g / sqrt(v + epsilon)`` and the bias is
    ``f (bias - m) + b``. The n-th convolution is ``model.{2n}``.
    """
    places = sorted(
        int(key.split(".")[1]) for key, value in state.items() if key.endswith(".weight") and value.ndim == 4
    )
    folded: State = {}
    for number, place in enumerate(places):
        weight, bias = state[f"model.{place}.weight"].double(), state[f"model.{place}.bias"].double()
        norm = f"model.{place + 1}"
        if f"{norm}.running_var" in state:
            factor = state[f"{norm}.weight"] / (state[f"{norm}.running_var"].double() + _KAIR_EPSILON).sqrt()
            weight = weight * factor.view(-1, 1, 1, 1)
            bias = factor * (bias - state[f"{norm}.running_mean"]) + state[f"{norm}.bias"]
        folded |= {f"model.{2 * number}.weight": weight.float(), f"model.{2 * number}.bias": bias.float()}
    return folded


def _translate_etds_ecbsr(state: Mapping[str, Tensor]) -> State:
    """Translate ECNUSR/ETDS's deployed ECBSR: ``backbone.i.0`` is the convolution, ``backbone.i.1`` the activation."""
    return rename_keys(
        state, [(r"backbone\.(\d+)\.0\.", r"backbone.\1.conv3x3."), (r"backbone\.(\d+)\.1\.", r"backbone.\1.act.")]
    )


def _drop_colour_means(state: Mapping[str, Tensor]) -> State:
    """Drop mean shifts of three colours beside a network of one channel, which cannot have run them."""
    if state.get("head.0.weight", torch.empty(0, 3)).shape[1:2] != (1,):
        return dict(state)
    means = {key for key, value in state.items() if re.match(r"(sub|add)_mean\.", key) and len(value) == 3}
    return {key: value for key, value in state.items() if key not in means}


_TENSORFLOW = r"(?:MODEL[/.])?"
_BASICSR = "DIV2K's mean and img_range 255, BasicSR's defaults"
DIALECTS = (
    Dialect("BasicSR's EDSR", r"body\.0\.conv1\.weight", edsr_from_basicsr, assumes=_BASICSR),
    Dialect("BasicSR's RCAN", r"body\.0\.residual_group\.0\.rcab\.0\.weight", rcan_from_basicsr, assumes=_BASICSR),
    Dialect(
        "EDSR-PyTorch in one channel",
        r"sub_mean\.weight",
        _drop_colour_means,
        infer=lambda state: {"value_range": infer_value_range(state, network="edsr")},
        assumes="the mean shifts are for three colours and are not used",
    ),
    Dialect(
        "KAIR's SRMD with batch normalization",
        r"model\.3\.running_mean",
        _fold_normalized_srmd,
        assumes="the batch normalizations are merged, with KAIR's epsilon of 1e-4",
    ),
    Dialect("ECNUSR/ETDS's ECBSR", r"backbone\.0\.0\.weight", _translate_etds_ecbsr, {"value_range": 1.0}),
    Dialect("ESRGAN's old layout", r"model\.1\.sub\.0\.RDB1\.conv1\.0\.weight", _translate_old_esrgan),
    Dialect("MZSR's TensorFlow variables", rf"{_TENSORFLOW}conv1[/.]kernel(:0)?", _translate_tensorflow_mzsr),
    Dialect("twtygqyy's VDSR", r"residual_layer\.0\.conv\.weight", _translate_bias_free_vdsr),
    Dialect("yjn870's RDN", r"sfe1\.weight", rdn_from_yjn870, {"value_range": 1.0}),
)
"""The known foreign layouts."""
