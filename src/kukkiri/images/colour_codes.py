"""Colours told by the codes of ITU-T H.273 (cICP, nclx), for formats that have no place for them.

Where the transfer is one of ordinary displays, a colour profile says the same and the pixels stay as they are. The
transfers of HDR (PQ and HLG) have no such profile: pixels are converted to sRGB, with diffuse white at 203 cd/m2
(ITU-R BT.2408) as white and what is brighter rolled off below it.

Reference: ITU-T H.273 (07/2024), tables 2 and 3; ITU-R BT.2100-2; ITU-R BT.2408-7.
"""

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.icc import make_profile

__all__ = ["convert_to_srgb", "describe_codes", "find_profile", "has_high_range"]

Floats = NDArray[np.float32]

_D65, _C, _E, _DCI = (0.3127, 0.3290), (0.310, 0.316), (1 / 3, 1 / 3), (0.314, 0.351)
_PRIMARIES = {
    # x and y of red, green, blue; white
    1: ((0.640, 0.330, 0.300, 0.600, 0.150, 0.060), _D65, "BT.709"),
    4: ((0.67, 0.33, 0.21, 0.71, 0.14, 0.08), _C, "BT.470 M"),
    5: ((0.64, 0.33, 0.29, 0.60, 0.15, 0.06), _D65, "BT.470 BG"),
    6: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65, "BT.601"),
    7: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65, "SMPTE 240"),
    8: ((0.681, 0.319, 0.243, 0.692, 0.145, 0.049), _C, "generic film"),
    9: ((0.708, 0.292, 0.170, 0.797, 0.131, 0.046), _D65, "BT.2020"),
    10: ((1.0, 0.0, 0.0, 1.0, 0.0, 0.0), _E, "XYZ"),
    11: ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), _DCI, "DCI-P3"),
    12: ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), _D65, "Display P3"),
    22: ((0.630, 0.340, 0.295, 0.605, 0.155, 0.077), _D65, "EBU 3213"),
}
_BT709 = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_SRGB = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVES: dict[int, tuple[tuple[float, ...], str]] = {
    1: (_BT709, "BT.709"),
    4: ((2.2,), "gamma 2.2"),
    5: ((2.8,), "gamma 2.8"),
    6: (_BT709, "BT.601"),
    7: ((1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4.0, 0.0912), "SMPTE 240"),
    8: ((1.0,), "linear"),
    11: (_BT709, "xvYCC"),
    13: (_SRGB, "sRGB"),
    14: (_BT709, "BT.2020"),
    15: (_BT709, "BT.2020"),
    17: ((2.6,), "gamma 2.6"),
}
_PQ, _HLG = 16, 18
_HIGH_RANGE = {_PQ: "PQ", _HLG: "HLG"}
_DIFFUSE_WHITE, _PQ_PEAK, _HLG_PEAK = 203.0, 10_000.0, 1_000.0  # candelas per square metre
_KNEE = np.float32(0.5)


def describe_codes(primaries: int, transfer: int) -> str:
    """Return words for two codes, such as ``BT.2020 PQ``."""
    space = _PRIMARIES[primaries][2] if primaries in _PRIMARIES else f"primaries {primaries}"
    curve = _HIGH_RANGE.get(transfer) or (_CURVES[transfer][1] if transfer in _CURVES else f"transfer {transfer}")
    return space if curve == space else f"{space} {curve}"


def has_high_range(primaries: int, transfer: int) -> bool:
    """True for the HDR transfers that :func:`convert_to_srgb` converts."""
    return transfer in _HIGH_RANGE and primaries in _PRIMARIES


def find_profile(primaries: int, transfer: int, *, grey: bool) -> bytes | None:
    """Make the colour profile that means the same as two codes; ``None`` where there is none."""
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    name = describe_codes(primaries, transfer)
    return make_profile(_find_matrix(primaries), _CURVES[transfer][0], name=name, grey=grey)


def _find_matrix(primaries: int) -> NDArray[np.float64]:
    """Compute the (3, 3) matrix from linear RGB to XYZ."""
    corners, white, _ = _PRIMARIES[primaries]
    columns = []
    for x, y in (corners[:2], corners[2:4], corners[4:]):
        columns.append([x / y, 1.0, (1 - x - y) / y] if y else [1.0, 0.0, 0.0] if x else [0.0, 0.0, 1.0])
    matrix = np.array(columns).T
    target = np.array([white[0] / white[1], 1.0, (1 - white[0] - white[1]) / white[1]])
    return np.asarray(matrix * np.linalg.solve(matrix, target))


def convert_to_srgb(colour: Floats, primaries: int, transfer: int) -> Floats:
    """Convert PQ or HLG to sRGB.

    Args:
        colour: (H, W, 1 or 3), [0, 1], coded by the transfer.
        primaries: a code that :func:`has_high_range` knows.
        transfer: likewise.

    Returns:
        The shape of ``colour``, [0, 1]. Colours up to half of diffuse white keep their light; what is brighter is
        rolled off, so that the brightest of the image becomes white. An image without anything brighter than diffuse
        white is converted exactly.
    """
    light = _pq_to_light(colour) if transfer == _PQ else _hlg_to_light(colour, primaries)
    if colour.shape[2] == 3:
        matrix = np.linalg.inv(_find_matrix(1)) @ _find_matrix(primaries)
        light = light @ matrix.T.astype(np.float32)
    light = _roll_off(np.maximum(light, np.float32(0)))
    gamma, scale, shift, slope, below = (np.float32(value) for value in _SRGB)
    coded = (light ** (1 / gamma) - shift) / scale
    return np.where(light > below * slope, coded, light / slope).clip(0, 1).astype(np.float32)


def _pq_to_light(coded: Floats) -> Floats:
    """Light of PQ (BT.2100, table 4); 1 is diffuse white."""
    power = np.clip(coded, 0, 1).astype(np.float64) ** (1 / 78.84375)
    light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    return np.asarray(light * (_PQ_PEAK / _DIFFUSE_WHITE), dtype=np.float32)


def _hlg_to_light(coded: Floats, primaries: int) -> Floats:
    """Light of HLG on a display of 1000 cd/m2 (BT.2100, table 5); 1 is diffuse white."""
    signal = np.clip(coded, 0, 1).astype(np.float64)
    bright = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(signal <= 0.5, signal**2 / 3, bright)
    luma = scene if scene.shape[2] == 1 else scene @ _find_matrix(primaries)[1][:, None]
    return np.asarray(scene * luma**0.2 * (_HLG_PEAK / _DIFFUSE_WHITE), dtype=np.float32)


def _roll_off(light: Floats) -> Floats:
    """Bring light above diffuse white below it, by Reinhard's curve above a knee; hue and saturation stay."""
    brightest = light.max(axis=2, keepdims=True)
    peak = np.float32(brightest.max())
    if peak <= 1:
        return light
    above = np.maximum(brightest - _KNEE, 0) / (1 - _KNEE)
    top = (peak - _KNEE) / (1 - _KNEE)
    rolled = _KNEE + (1 - _KNEE) * above * (1 + above / top**2) / (1 + above)
    ratio = np.where(brightest > _KNEE, rolled / np.maximum(brightest, _KNEE), np.float32(1))
    return np.asarray(light * ratio, dtype=np.float32)
