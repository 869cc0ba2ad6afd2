"""Deinterlacing of frames that were woven from known fields."""

from fractions import Fraction

import numpy as np
import pytest

from kukkiri.video.deinterlacing import Deinterlacer

av = pytest.importorskip("av", reason="needs the extra video")

_CLOCK = Fraction(1, 25)


def _woven(count: int) -> list:
    """Frames of a bright bar that moves by 4 pixels a field: even lines show one moment, odd lines the next."""
    frames = []
    for number in range(count):
        frame = av.VideoFrame(64, 32, "yuv420p")
        for plane, value in zip(frame.planes, (16, 128, 128), strict=True):
            np.frombuffer(plane, np.uint8)[:] = value
        luma = np.frombuffer(frame.planes[0], np.uint8).reshape(32, -1)
        for field in (0, 1):
            left = 8 * number + 4 * field
            luma[field::2, left : left + 8] = 235
        frame.pts, frame.time_base, frame.duration = 10 * number, _CLOCK, 10
        frames.append(frame)
    return frames


def _combing(frame) -> float:
    """Mean difference of a line from the mean of its neighbours: high where two moments are woven."""
    luma = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.planes[0].height, -1)[:, :64].astype(float)
    return float(np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean())


def test_bwdif_takes_the_combs_out_and_keeps_number_and_clock() -> None:
    frames = _woven(5)
    combed = [_combing(frame) for frame in frames]
    deinterlacer = Deinterlacer("on")
    treated = [result for frame in frames for result in deinterlacer.push(frame)] + list(deinterlacer.flush())
    assert [(frame.pts, frame.time_base) for frame in treated] == [(10 * n, _CLOCK) for n in range(5)]
    assert max(_combing(frame) for frame in treated[1:-1]) < 0.2 * min(combed)


def test_progressive_frames_are_handed_on_themselves() -> None:
    frames = _woven(2)  # not flagged interlaced, whatever they look like
    for mode in ("auto", "off"):
        deinterlacer = Deinterlacer(mode)
        treated = [result for frame in frames for result in deinterlacer.push(frame)] + list(deinterlacer.flush())
        assert all(before is after for before, after in zip(frames, treated, strict=True))
        assert not deinterlacer.is_active
