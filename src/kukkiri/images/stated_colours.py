"""The colour codes that AVIF and HEIF state, as the chunks in which PNG holds the same."""

from kukkiri.images.containers.avif import Colour

__all__ = ["make_codes"]

_SRGB = ((1, 2), (13, 2))
"""The primaries and transfers that a file without a word about its colours has, and "not specified"."""


def make_codes(colour: Colour) -> dict[bytes, bytes]:
    """Make cICP, mDCV and cLLI; none for sRGB, which a PNG without chunks has as well."""
    if colour.primaries in _SRGB[0] and colour.transfer in _SRGB[1]:
        return {}
    codes = [1 if colour.primaries == 2 else colour.primaries, 13 if colour.transfer == 2 else colour.transfer]
    levels = {b"mDCV": colour.mastering, b"cLLI": colour.light_level}
    return {b"cICP": bytes([*codes, 0, 1]), **{kind: content for kind, content in levels.items() if content}}
