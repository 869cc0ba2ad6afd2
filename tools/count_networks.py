"""Write the tables of docs/models.md: parameters, multiply-adds, receptive field and scores of every network.

    python tools/count_networks.py             print the page
    python tools/count_networks.py --write     write docs/models.md

Everything about a network is read from its class (:class:`kukkiri.networks.Network`), everything about shipped weights
from their cards. Multiply-adds are those of convolutions, matrix products and attention for an sr of 1280 x 720
pixels, counted by PyTorch without computing anything (``torch.device("meta")``); Fourier transforms are left out. The
receptive field is the declared one; ``tests/networks/test_all.py`` compares the declaration with the gradients.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from kukkiri.networks import NETWORKS, Configuration, Network
from kukkiri.pretrained import list_conditioned, list_initializations, list_models, read_card

SETS = ("Set5", "Set14", "B100")
SCALES = (2, 3, 4)
PAGE = Path(__file__).parent.parent / "docs" / "models.md"
HEIGHT, WIDTH = 720, 1280

INTRODUCTION = f"""# Models

Every network of `kukkiri.networks`, by `tools/count_networks.py --write`. Names in the second column are the keys of
`NETWORKS`, which recipes and checkpoints use. The third column says whose state dicts `kukkiri.load` takes, every
tensor used and none missing; "own" where no PyTorch implementation of the authors exists.

Multiply-adds are for an sr of {WIDTH} x {HEIGHT} pixels; convolutions, matrix products and attention are counted,
Fourier transforms are not. The receptive field is its radius in LR pixels, for networks that take an upscaled image
(marked "upscaled") in pixels of that image; `tests/networks/test_all.py` compares it with the gradients. "Global" means
that every output pixel depends on the whole input.
"""


def list_configurations() -> list[tuple[str, Configuration]]:
    """Every configuration of every network with the network's name, by title."""
    pairs = [(name, configuration) for name, network in NETWORKS.items() for configuration in network.configurations]
    return sorted(pairs, key=lambda pair: pair[1].title.lower())


def count_multiply_adds(network: Network) -> int:
    """Multiply-adds for one sr of 1280 x 720 pixels."""
    factor = 1 if network.pre_upsampled else network.scale
    lr = torch.empty(1, network.channels, HEIGHT // factor, WIDTH // factor)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(lr, *network.example_conditions(1))
    return int(counter.get_total_flops()) // 2


def count_parameters(network: Network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def format_billions(count: int) -> str:
    """Three significant digits."""
    value = count / 1e9
    return f"{value:,.0f} G" if value >= 100 else f"{value:.3g} G"


def format_row(name: str, configuration: Configuration) -> str:
    kind = NETWORKS[name]
    with torch.device("meta"):
        network = kind(**configuration.arguments).eval()
        cost = format_billions(count_multiply_adds(network))
    field = "global" if network.receptive_field is None else str(network.receptive_field)
    field += ", upscaled" if network.pre_upsampled else ""
    shipped_ids = (*list_models(), *list_conditioned(), *list_initializations())
    ids = [shipped for shipped in shipped_ids if is_of(shipped, name, configuration)]
    cells = (
        configuration.title,
        f"`{name}`",
        kind.keys_source,
        f"x{network.scale}",
        f"{count_parameters(network):,}",
        cost,
        field,
        ", ".join(f"`{shipped}`" for shipped in ids) or "-",
    )
    return f"| {' | '.join(cells)} |"


def is_of(shipped: str, name: str, configuration: Configuration) -> bool:
    """True when shipped weights have the parameter count of a configuration at their own scale."""
    card = read_card(shipped)
    if card["network"] != name:
        return False
    with torch.device("meta"):
        network = NETWORKS[name](**{**configuration.arguments, "scale": card["scale"]})
    return count_parameters(network) == int(card["parameters"])


def format_scores(psnr: Mapping[int, float]) -> str:
    """PSNR at x2, x3 and x4, or a dash where nothing is published."""
    return " / ".join(f"{psnr[scale]:.2f}" if scale in psnr else "-" for scale in SCALES) if psnr else "-"


def make_page() -> str:
    """The whole page."""
    head = ["network", "key", "state dicts of", "scale", "parameters", "multiply-adds", "receptive field", "shipped"]
    lines = [INTRODUCTION, f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    configurations = list_configurations()
    lines += [format_row(name, configuration) for name, configuration in configurations]
    lines += [
        "",
        "SRMD, SFTMD, DPSR's prior and USRNet are conditioned on a description of the degradation. SFTMD's count",
        "contains the unused copy of its blocks that the authors' checkpoints carry (4,234,691 are used), SAN's 38,044",
        "unused parameters, MDSR's the branches of all its scales. ECBSR's branches, SESR's linear blocks and ETDS's",
        "two streams are folded before they run: the rows training and deployed are one function. NLRN is counted with",
        "attention over all 1280 x 720 pixels at once; its authors take patches of 45 x 45.",
        "",
        "## Published quality",
        "",
        "PSNR on Y in dB at x2 / x3 / x4 for bicubic degradation, as others report it; kukkiri's measurements of",
        "its own weights are in the next table. Networks without a row have no number whose source could be read.",
        "",
        "| network | Set5 | B100 | read in |",
        "|---|---|---|---|",
    ]
    for _, configuration in configurations:
        scores = configuration.published
        if scores is not None:
            cells = (configuration.title, format_scores(scores.set5), format_scores(scores.b100), scores.source)
            lines.append(f"| {' | '.join(cells)} |")
    lines += format_shipped_quality()
    lines += format_conditioned_quality()
    return "\n".join(lines) + "\n"


def format_shipped_quality() -> list[str]:
    """A table of the cards: `tools/ship_weights.py` measures them, `tests/weights` measures them again."""
    lines = [
        "",
        "## Quality of the shipped weights",
        "",
        "PSNR in dB and SSIM in the `y-matlab` protocol on bicubic LR, from the cards; any row again by",
        "`kukkiri evaluate --model ID --data SETS --scale N`. Photo weights are for images from a camera or from JPEG",
        "files and score lower than the clean ones on bicubic LR; they have a table of their own in",
        "[degradation domains](results/degradation-domains.md).",
        "",
        f"| id | parameters | {' | '.join(SETS)} |",
        "|---" * (2 + len(SETS)) + "|",
    ]
    for shipped in list_models():
        card = read_card(shipped)
        scores = card["scores"]["sets"]
        cells = [f"{scores[name]['psnr']:.2f} / {scores[name]['ssim']:.4f}" for name in SETS]
        lines.append(f"| `{shipped}` | {card['parameters']:,} | {' | '.join(cells)} |")
    return lines


def format_conditioned_quality() -> list[str]:
    """A table of the cards of networks that are given the degradation."""
    lines = [
        "",
        "## Quality of the shipped weights for a known degradation",
        "",
        "PSNR in dB and SSIM on Set5 in the `y-mzsr` protocol, the true blur and noise given (`noise` is a standard",
        "deviation in [0, 1]), from the cards. `kukkiri upscale --kernel` uses it;",
        "[solvers](results/solvers.md) compares it with the one of the kernel only.",
        "",
        "| id | scale | parameters | degradation | Set5 |",
        "|---|---|---|---|---|",
    ]
    for shipped in list_conditioned():
        card = read_card(shipped)
        for degradation, score in card["scores"].items():
            if isinstance(score, dict):
                quality = f"{score['psnr']:.2f} / {score['ssim']:.4f}"
                lines.append(
                    f"| `{shipped}` | x{card['scale']} | {card['parameters']:,} | `{degradation}` | {quality} |"
                )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the tables of docs/models.md.")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} instead of printing it")
    text = make_page()
    if parser.parse_args().write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
