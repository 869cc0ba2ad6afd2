"""Published networks by PSNR and by CPU time beside ``plain-m``, for the plot of pareto.py.

Measured in one run for each scale: ONNX Runtime 1.32, one thread, 640x360 (x2) and 320x180 (x4) in, the smallest CPU
time of seven interleaved rounds; published weights, RGB, everything included; y-matlab on Set5, Set14 and B100.
``plain-m`` stands for its network alone, on luma. The weights come from the authors' repositories: PlainUSR
(icandle/PlainUSR), ABPN (ECNUSR/ETDS), the others from the NTIRE challenges on efficient super-resolution of 2025 and
2026.
"""

from dataclasses import dataclass

__all__ = ["POINTS", "Point", "list_points"]


@dataclass(frozen=True)
class Point:
    """One published network at one scale."""

    name: str
    ratio: float
    """CPU time in units of ``plain-m``'s network."""
    psnr: dict[str, float]
    """By test set."""


def _table(plain_m: float, rows: str) -> list[Point]:
    """Rows of name, CPU ms for a megapixel of output, and PSNR on Set5, Set14 and B100, ``-`` where not measured."""
    points = []
    for row in rows.strip().splitlines():
        name, milliseconds, *values = (cell.strip() for cell in row.split("|"))
        psnr = {test_set: float(value) for test_set, value in zip(SETS, values, strict=True) if value != "-"}
        points.append(Point(name, float(milliseconds) / plain_m, psnr))
    return points


SETS = ("Set5", "Set14", "B100")
POINTS = {
    2: _table(
        476,
        """
        PlainUSR-U | 152 | 37.10 | 32.75 | -
        ABPN-M4C28 | 265 | 37.38 | 32.97 | -
        PlainUSR-S | 510 | 37.63 | 33.16 | 31.93
        ABPN-M6C40 | 589 | 37.59 | 33.18 | -
        PlainUSR-M | 1024 | 37.79 | 33.37 | 32.06
        PlainUSR | 1854 | 37.94 | 33.55 | -
        """,
    ),
    4: [
        *_table(
            120,
            """
            PlainUSR-S | 143 | 31.56 | 28.17 | -
            ABPN-M6C40 | 188 | 31.63 | 28.29 | -
            PDS | 237 | 31.76 | 28.36 | -
            PlainUSR-M | 271 | 31.79 | 28.38 | -
            DSCF | 301 | 31.74 | 28.34 | -
            SPAN | 303 | 31.74 | 28.40 | -
            PlainUSR | 485 | 32.02 | 28.54 | -
            EFDN | 587 | 32.08 | 28.58 | -
            """,
        ),
        *_table(122, "PlainUSR-U | 45 | 30.77 | 27.72 | -\nABPN-M4C28 | 105 | 31.33 | 28.11 | -"),
    ],
}
"""By scale, without those that run as contenders: ETDS, ECBSR, DISP and the plain network of ETDS's repository."""


def list_points(test_set: str, *, scale: int) -> list[Point]:
    """List the points that were scored on a test set."""
    return [point for point in POINTS.get(scale, []) if test_set in point.psnr]
