"""Colour profiles of a matrix and a curve, made for colours that a file states by codes instead of a profile.

Reference: ICC.1:2010 (version 4.3), sections 8.4, 9.2 and 10.15; the chromatic adaptation is Bradford's, as it asks.
"""

import struct

import numpy as np
from numpy.typing import NDArray

__all__ = ["make_profile"]

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

Curve = tuple[float, ...]
"""Parameters of an ICC parametric curve: (g,) for Y = X**g, or (g, a, b, c, d) with a linear part below d."""


def make_profile(to_xyz: NDArray[np.float64], curve: Curve, *, name: str, grey: bool = False) -> bytes:
    """Make a display profile.

    Args:
        to_xyz: (3, 3), linear RGB to XYZ, white at Y = 1.
        curve: of all channels.
        name: description, ASCII.
        grey: for grey pixels.

    Returns:
        The bytes of a profile.
    """
    white = to_xyz @ np.ones(3)
    cone = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(cone) @ _BRADFORD
    colorants = adaptation @ to_xyz
    parametric = struct.pack(">4s4xHH", b"para", {1: 0, 5: 3}[len(curve)], 0) + b"".join(map(_fixed, curve))
    tags = {
        b"desc": _text(name),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz(_D50),
        b"chad": b"sf32" + bytes(4) + b"".join(map(_fixed, adaptation.reshape(-1))),
    }
    if grey:
        tags[b"kTRC"] = parametric
    else:
        tags |= {letter + b"XYZ": _xyz(colorants[:, at]) for at, letter in enumerate((b"r", b"g", b"b"))}
        tags |= {letter + b"TRC": parametric for letter in (b"r", b"g", b"b")}
    return _assemble(tags, space=b"GRAY" if grey else b"RGB ")


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _text(text: str) -> bytes:
    content = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(content), 28) + content


def _assemble(tags: dict[bytes, bytes], *, space: bytes) -> bytes:
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, content in tags.items():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, places[content], len(content))
    header = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x04300000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += b"".join(map(_fixed, _D50)) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body
