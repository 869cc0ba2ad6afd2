"""``kukkiri models``: the shipped models, presets and initializations."""

from collections.abc import Mapping, Sequence
from typing import Any

from kukkiri import pretrained
from kukkiri.cli.printing import print_json, print_result
from kukkiri.inference.presets import PRESETS

__all__ = ["models"]

_SETS = ("Set5", "Set14", "B100")


def models(*, json: bool = False) -> None:
    """List the shipped models with their measured quality, time and licence, the presets, and kukkiri adapt's weights.

    Args:
        json: print one JSON object to stdout and nothing else: the models' cards, the presets, the initializations,
            and the networks that are conditioned on the degradation.
    """
    cards = [pretrained.read_card(name) for name in pretrained.list_models()]
    initializations = [pretrained.read_card(name) for name in pretrained.list_initializations()]
    conditioned = [pretrained.read_card(name) for name in pretrained.list_conditioned()]
    if json:
        presets = {name: {"family": preset.family, "ensemble": preset.ensemble} for name, preset in PRESETS.items()}
        found = {"models": cards, "presets": presets, "initializations": initializations, "conditioned": conditioned}
        print_json(found)
        return
    _print_table(("model", "scale", "parameters", *_SETS, "time", "licence"), [_model_row(card) for card in cards])
    print_result("PSNR in dB on bicubic LR, protocol y-matlab; time of a 640x360 image relative to espcn's.\n")
    for name, preset in PRESETS.items():
        print_result(f"--preset {name:<9} {preset.family}: {preset.summary}")
    if initializations:
        print_result("")
        _print_table(
            ("initialization of kukkiri adapt", "scale", "subsampling", "parameters", "licence"),
            [_initialization_row(card) for card in initializations],
        )
    if conditioned:
        print_result("")
        _print_table(
            ("for a known degradation (--kernel)", "scale", "given", "parameters", "licence"),
            [_conditioned_row(card) for card in conditioned],
        )


def _model_row(card: Mapping[str, Any]) -> tuple[str, ...]:
    scores, time = card["scores"]["sets"], card.get("relative_time")
    quality = (f"{scores[name]['psnr']:.2f}" for name in _SETS)
    shown = "-" if time is None else f"{time:.2f}"
    return card["name"], str(card["scale"]), f"{card['parameters']:,}", *quality, shown, card["licence"]


def _initialization_row(card: Mapping[str, Any]) -> tuple[str, ...]:
    about = card["adaptation"]
    return card["name"], str(about["scale"]), about["subsample"], f"{card['parameters']:,}", card["licence"]


def _conditioned_row(card: Mapping[str, Any]) -> tuple[str, ...]:
    about = card["conditioned"]
    given = [] if about["kind"] == "noise" else ["kernel"]
    given += ["noise"] if about["noise"] else []
    return card["name"], str(card["scale"]), ", ".join(given), f"{card['parameters']:,}", card["licence"]


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as their widest cell: the first and the last aligned left, the others right."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0], cells[-1] = row[0].ljust(widths[0]), row[-1]
        print_result("  ".join(cells))
