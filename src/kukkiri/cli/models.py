"""``kukkiri models``: what is shipped."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from kukkiri import weights
from kukkiri.cli.printing import print_json, print_result
from kukkiri.inference.presets import PRESETS

__all__ = ["models"]

_SETS = ("Set5", "Set14", "B100")


def models(*, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """List the shipped models with their measured quality, time and licence, the presets, and the starts for adapt.

    Args:
        json: print one JSON object to stdout.
    """
    cards = [weights.card(name) for name in weights.shipped()]
    starts = [weights.card(name) for name in weights.starts()]
    if json:
        presets = {name: {"family": one.family, "ensemble": one.ensemble} for name, one in PRESETS.items()}
        print_json({"models": cards, "presets": presets, "starts": starts})
        return
    _print_table(("model", "scale", "parameters", *_SETS, "time", "licence"), [_model_row(card) for card in cards])
    print_result("PSNR in dB on bicubic LR, protocol y-matlab; time of a 640x360 picture relative to espcn's.\n")
    for name, preset in PRESETS.items():
        print_result(f"--preset {name:<9} {preset.family}: {preset.summary}")
    if starts:
        print_result("")
        _print_table(
            ("start of kukkiri adapt", "scale", "sub-sampling", "parameters", "licence"),
            [_start_row(card) for card in starts],
        )


def _model_row(card: Mapping[str, Any]) -> tuple[str, ...]:
    scores, time = card["scores"]["sets"], card.get("relative_time")
    quality = (f"{scores[name]['psnr']:.2f}" for name in _SETS)
    shown = "-" if time is None else f"{time:.2f}"
    return card["name"], str(card["scale"]), f"{card['parameters']:,}", *quality, shown, card["licence"]


def _start_row(card: Mapping[str, Any]) -> tuple[str, ...]:
    about = card["adaptation"]
    return card["name"], str(about["scale"]), about["subsample"], f"{card['parameters']:,}", card["licence"]


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, the first and the last to the left, the others to the right."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0], cells[-1] = row[0].ljust(widths[0]), row[-1]
        print_result("  ".join(cells))
