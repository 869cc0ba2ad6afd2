"""``kukkiri models``: what is shipped."""

from typing import Annotated

from cyclopts import Parameter

from kukkiri import weights
from kukkiri.cli.printing import print_json, print_result

__all__ = ["models"]


def models(*, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """List the shipped models with their measured quality, size and licence, and the starts for kukkiri adapt.

    Args:
        json: print one JSON object to stdout.
    """
    cards = [weights.card(name) for name in weights.shipped()]
    starts = [weights.card(name) for name in weights.starts()]
    if json:
        print_json({"models": cards, "starts": starts})
        return
    print_result(f"{'model':<12} {'scale':>5} {'params':>8} {'Set5':>8} {'Set14':>8} {'B100':>8}  licence")
    for card in cards:
        scores = card["scores"]["sets"]
        values = " ".join(f"{scores[name]['psnr']:8.3f}" for name in ("Set5", "Set14", "B100"))
        print_result(f"{card['name']:<12} {card['scale']:>5} {card['parameters']:>8} {values}  {card['licence']}")
    print_result("PSNR in dB, protocol y-matlab, bicubic LR.")
    if starts:
        print_result(f"\n{'start of kukkiri adapt':<24} {'scale':>5} {'sub-sampling':>12} {'params':>8}  licence")
    for card in starts:
        about = card["adaptation"]
        columns = f"{card['name']:<24} {about['scale']:>5} {about['subsample']:>12} {card['parameters']:>8}"
        print_result(f"{columns}  {card['licence']}")
