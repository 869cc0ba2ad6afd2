"""Count what every network costs, and write the tables of docs/models.md.

    python tools/count_networks.py             print the page
    python tools/count_networks.py --write     write docs/models.md

Multiply-adds are those of convolutions, matrix products and attention for an sr of 1280 x 720 pixels, counted by
PyTorch without computing anything (``torch.device("meta")``); Fourier transforms are left out. The receptive field
is what the network declares; ``tests/networks/test_all.py`` measures that the declaration is right.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from kukkiri.networks import NETWORKS, Network
from kukkiri.pretrained import list_initializations, list_models, read_card

SETS = ("Set5", "Set14", "B100")
PAGE = Path(__file__).parent.parent / "docs" / "models.md"
HEIGHT, WIDTH = 720, 1280


@dataclass(frozen=True)
class Published:
    """PSNR on Y in dB at x2, x3 and x4, bicubic degradation, with where it was read."""

    set5: str
    b100: str
    source: str


RCAN_TABLE = "table in yulunzhang/RCAN, Figs/psnr_bi_1 to 3"
EDSR_TABLE = "EDSR's table, in thstkdgus35/EDSR-PyTorch"

CONFIGURATIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("ContextPlain", "contextplain", {"scale": 2}),
    ("DBPN (D-DBPN)", "dbpn", {"scale": 4}),
    ("DBPN, T = 2", "dbpn", {"scale": 4, "stages": 2}),
    ("DBPN, T = 10", "dbpn", {"scale": 4, "stages": 10}),
    ("DBPN-RES-MR64-3", "dbpn", {"scale": 4, "iterations": 3, "residual": True}),
    ("DDBPN of EDSR-PyTorch", "ddbpn", {"scale": 4}),
    ("DPSR's prior", "dpsr", {"scale": 4}),
    ("ECBSR M4C16, training", "ecbsr", {"scale": 4}),
    ("ECBSR M4C16, deployed", "ecbsr", {"scale": 4, "deployed": True}),
    ("EDSR baseline", "edsr", {"scale": 4}),
    ("EDSR", "edsr", {"scale": 4, "width": 256, "depth": 32, "res_scale": 0.1}),
    ("EnhanceNet", "enhancenet", {}),
    ("ESPCN", "espcn", {"scale": 4}),
    ("FSRCNN", "fsrcnn", {"scale": 4}),
    ("FSRCNN-s", "fsrcnn", {"scale": 4, "d": 32, "s": 5, "m": 1}),
    ("Johnson et al.", "johnson", {"scale": 4}),
    ("MDSR", "mdsr", {"scale": 4}),
    ("Meta-RDN", "metardn", {"scale": 4}),
    ("MSRResNet", "msrresnet", {"scale": 4}),
    ("MZSR", "mzsr", {"scale": 4}),
    ("NLRN", "nlrn", {"scale": 4}),
    ("Plain, 16 x 4", "plain", {"scale": 4, "width": 16, "depth": 4}),
    ("Plain, 32 x 4", "plain", {"scale": 4, "depth": 4}),
    ("Plain, 32 x 10", "plain", {"scale": 4, "depth": 10}),
    ("Plain, 48 x 12", "plain", {"scale": 4, "width": 48, "depth": 12}),
    ("RCAN", "rcan", {"scale": 4}),
    ("RDN", "rdn", {"scale": 4}),
    ("RRDBNet (ESRGAN)", "rrdbnet", {"scale": 4}),
    ("SAN", "san", {"scale": 4}),
    ("SAN, 2 x 4 blocks of 32", "san", {"scale": 2, "width": 32, "groups": 2, "blocks": 4, "reduction": 8}),
    ("SFTMD (IKC)", "sftmd", {"scale": 4}),
    ("SRCNN 9-1-5", "srcnn", {"scale": 4, "kernels": [9, 1, 5]}),
    ("SRCNN 9-3-5", "srcnn", {"scale": 4, "kernels": [9, 3, 5]}),
    ("SRCNN 9-5-5", "srcnn", {"scale": 4}),
    ("SRGAN of leftthomas", "srgan", {"scale": 4}),
    ("SRMD", "srmd", {"scale": 4}),
    ("SRMDNF", "srmd", {"scale": 4, "maps": 15}),
    ("SRResNet", "srresnet", {"scale": 4}),
    ("SRResNet of twtygqyy", "srresnet_instance", {}),
    ("USRNet", "usrnet", {"scale": 4}),
    ("USRNet, tiny", "usrnet", {"scale": 4, "iterations": 6, "hidden": 32, "widths": [16, 32, 64, 64]}),
    ("VDSR", "vdsr", {"scale": 4}),
    ("ZSSR", "zssr", {"scale": 4}),
]

PUBLISHED: dict[str, Published] = {
    "SRCNN 9-5-5": Published("36.66 / 32.75 / 30.48", "31.36 / 28.41 / 26.90", RCAN_TABLE),
    "FSRCNN": Published("37.05 / 33.18 / 30.72", "31.53 / 28.53 / 26.98", RCAN_TABLE),
    "ESPCN": Published("- / 32.55 / -", "-", "91 images; quoted in the README of yjn870/ESPCN-pytorch"),
    "VDSR": Published("37.53 / 33.66 / 31.35", "31.90 / 28.82 / 27.29", EDSR_TABLE),
    "SRResNet": Published("- / - / 32.05", "- / - / 27.57", EDSR_TABLE),
    "EDSR": Published("38.11 / 34.65 / 32.46", "32.32 / 29.25 / 27.71", EDSR_TABLE),
    "DBPN (D-DBPN)": Published("38.09 / - / 32.47", "32.27 / - / 27.72", RCAN_TABLE),
    "NLRN": Published("38.00 / 34.27 / 31.92", "32.19 / 29.06 / 27.48", "figure in the CSNLN repository"),
    "RDN": Published("38.24 / 34.71 / 32.47", "32.34 / 29.26 / 27.72", RCAN_TABLE),
    "RCAN": Published("38.27 / 34.74 / 32.63", "32.41 / 29.32 / 27.77", RCAN_TABLE),
    "SAN": Published("38.31 / 34.75 / 32.64", "32.42 / 29.33 / 27.78", "table in the SwinIR paper"),
    "RRDBNet (ESRGAN)": Published("- / - / 32.73", "- / - / 27.85", "README of xinntao/ESRGAN, PSNR-oriented, DF2K"),
    "SRMDNF": Published("37.79 / 34.12 / 31.96", "32.05 / 28.97 / 27.49", "the paper's Table 1, in cszn/SRMD"),
    "SRMD": Published("37.53 / 33.86 / 31.59", "31.90 / 28.87 / 27.34", "the paper's Table 1, in cszn/SRMD"),
    "USRNet": Published("37.72 / 34.45 / 32.45", "32.10 / 29.18 / 27.69", "README of cszn/USRNet"),
    "ZSSR": Published("37.37 / 33.42 / 31.13", "31.65 / 28.67 / 27.12", "the paper's Table 1"),
    "MZSR": Published("37.25 / - / -", "31.64 / - / -", "the paper's Table 1, ten updates"),
}

INTRODUCTION = f"""# Models

Every network of `kukkiri.networks`, by `tools/count_networks.py --write`. Names in the second column are the keys of
`NETWORKS`, which recipes and checkpoints use. The third column says whose state dicts `kukkiri.load` takes, every
tensor used and none missing; "own" where no PyTorch implementation of the authors exists.

Multiply-adds are for an sr of {WIDTH} x {HEIGHT} pixels, convolutions, matrix products and attention counted, Fourier
transforms not. The receptive field is in LR pixels to each side, for networks that take an upscaled image (marked
"upscaled") in pixels of that image; `tests/networks/test_all.py` measures that it is what the network declares.
"Global" means that every output pixel depends on the whole input.
"""

KEYS = {
    "contextplain": "own",
    "dbpn": "alterzero/DBPN-Pytorch",
    "ddbpn": "EDSR-PyTorch",
    "dpsr": "cszn/DPSR",
    "ecbsr": "xindongzhang/ECBSR",
    "edsr": "EDSR-PyTorch, BasicSR",
    "enhancenet": "own (TensorFlow's order)",
    "espcn": "yjn870/ESPCN-pytorch",
    "fsrcnn": "yjn870/FSRCNN-pytorch",
    "johnson": "own",
    "mdsr": "EDSR-PyTorch",
    "metardn": "XuecaiHu/Meta-SR-Pytorch",
    "msrresnet": "BasicSR",
    "mzsr": "JWSoh/MZSR (TensorFlow)",
    "nlrn": "own",
    "plain": "own",
    "rcan": "yulunzhang/RCAN, BasicSR",
    "rdn": "EDSR-PyTorch, yjn870/RDN-pytorch",
    "rrdbnet": "ESRGAN (old and new), BasicSR",
    "san": "daitao/SAN",
    "sftmd": "yuanjunchai/IKC",
    "srcnn": "yjn870/SRCNN-pytorch",
    "srgan": "leftthomas/SRGAN",
    "srmd": "cszn/KAIR",
    "srresnet": "Lornatang/SRGAN-PyTorch",
    "srresnet_instance": "twtygqyy/pytorch-SRResNet",
    "usrnet": "cszn/USRNet",
    "vdsr": "the authors', EDSR-PyTorch, twtygqyy/pytorch-vdsr",
    "zssr": "own (TensorFlow's names)",
}


def conditions(name: str, net: Network) -> tuple[torch.Tensor, ...]:
    """What a network wants beside the image, without values."""
    shapes = {
        "dpsr": [(1,)],
        "sftmd": [(1, 10)],
        "srmd": [(1, getattr(net, "maps", 0))],
        "usrnet": [(1, 1, 25, 25), (1,)],
    }
    return tuple(torch.empty(shape) for shape in shapes.get(name, []))


def multiply_adds(name: str, net: Network) -> int:
    """For one sr of 1280 x 720 pixels."""
    factor = 1 if net.pre_upsampled else net.scale
    lr = torch.empty(1, net.channels, HEIGHT // factor, WIDTH // factor)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(lr, *conditions(name, net))
    return counter.get_total_flops() // 2


def in_billions(count: int) -> str:
    """Three significant digits."""
    value = count / 1e9
    return f"{value:,.0f} G" if value >= 100 else f"{value:.3g} G"


def row(title: str, name: str, arguments: dict[str, Any]) -> str:
    with torch.device("meta"):
        net = NETWORKS[name](**arguments).eval()
        cost = in_billions(multiply_adds(name, net))
    parameters = sum(parameter.numel() for parameter in net.parameters())
    reach = "global" if net.receptive_field is None else str(net.receptive_field)
    reach += ", upscaled" if net.pre_upsampled else ""
    ids = ", ".join(f"`{one}`" for one in (*list_models(), *list_initializations()) if is_of(one, name, arguments)) or "-"
    return f"| {title} | `{name}` | {KEYS[name]} | x{net.scale} | {parameters:,} | {cost} | {reach} | {ids} |"


def is_of(shipped_id: str, name: str, arguments: dict[str, Any]) -> bool:
    """Whether shipped weights are of this configuration, at whatever scale: told by their number."""
    values = read_card(shipped_id)
    if values["network"] != name:
        return False
    with torch.device("meta"):
        net = NETWORKS[name](**{**arguments, "scale": values["scale"]})
    return sum(parameter.numel() for parameter in net.parameters()) == values["parameters"]


def page() -> str:
    head = ["network", "key", "state dicts of", "scale", "parameters", "multiply-adds", "receptive field", "shipped"]
    lines = [INTRODUCTION, f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [row(*configuration) for configuration in sorted(CONFIGURATIONS, key=lambda one: one[0].lower())]
    lines += [
        "",
        "SRMD, SFTMD, DPSR's prior and USRNet want a description of the degradation beside the image. SFTMD's count",
        "contains the unused copy of its blocks that the authors' checkpoints carry (4,234,691 are used), SAN's 38,044",
        "unused parameters, MDSR's the branches of all its scales. ECBSR's branches are folded before they run. NLRN",
        "attends over all 1280 x 720 pixels at once here, which nobody would do: its authors take patches of 45 x 45.",
        "",
        "## Published quality",
        "",
        "PSNR on Y in dB at x2 / x3 / x4 for bicubic degradation, as others report it; what kukkiri measures of its",
        "own weights stands in their cards. Networks without a row have no number whose source could be read.",
        "",
        "| network | Set5 | B100 | read in |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {title} | {one.set5} | {one.b100} | {one.source} |" for title, one in sorted(PUBLISHED.items(), key=str)
    ]
    lines += shipped_quality()
    return "\n".join(lines) + "\n"


def shipped_quality() -> list[str]:
    """A table of the cards: `tools/ship_weights.py` measures them, `tests/weights` measures them again."""
    lines = [
        "",
        "## Quality of the shipped weights",
        "",
        "PSNR in dB and SSIM in the `y-matlab` protocol on bicubic LR, from the cards; any row again by",
        "`kukkiri evaluate --model ID --data SETS --scale N`. Photo weights are for what has been through a camera",
        "and JPEG: on bicubic LR they give way to the clean ones; [degradation domains](degradation-domains.md) has their own table.",
        "",
        f"| id | parameters | {' | '.join(SETS)} |",
        "|---" * (2 + len(SETS)) + "|",
    ]
    for one in list_models():
        values = read_card(one)
        scores = values["scores"]["sets"]
        cells = [f"{scores[name]['psnr']:.2f} / {scores[name]['ssim']:.4f}" for name in SETS]
        lines.append(f"| `{one}` | {values['parameters']:,} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Count what every network costs.")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} instead of printing it")
    text = page()
    if parser.parse_args().write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
