"""Timestamps as players read them: jumps of a file's clock are closed, times that contradict each other are weighed."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

__all__ = ["FrameClock", "PacketClock"]

_JUMPING = ("mpegts", "mpeg")
"""Containers whose clock may begin anew: recordings put one behind another, the cells of a DVD."""
_BACK = Fraction(1, 10)
"""Seconds by which a clock may go back before that counts as a jump; streams are not interleaved exactly."""
_AHEAD = Fraction(10)
"""Seconds without a packet after which a clock counts as one that jumped."""


class PacketClock:
    """Closes the jumps of a file's clock, in all streams alike, so that sound and image stay together."""

    def __init__(self, container: str) -> None:
        """Take FFmpeg's name of the container; the clocks of most cannot jump."""
        self._jumps_here = container in _JUMPING
        self._offset = Fraction(0)
        self._ends: dict[int, Fraction] = {}
        self.jumps = 0
        """Jumps that were closed."""

    def straighten(self, packet: "Packet[Any]") -> None:
        """Move the timestamps of the next packet of the file to where the ones before it end."""
        if not self._jumps_here or not packet.time_base:
            return
        raw = packet.dts if packet.dts is not None else packet.pts
        if raw is not None and packet.stream.type in ("audio", "video"):
            self._look(packet, raw * packet.time_base)
        ticks = round(self._offset / packet.time_base)
        if packet.pts is not None:
            packet.pts += ticks
        if packet.dts is not None:
            packet.dts += ticks

    def _look(self, packet: "Packet[Any]", time: Fraction) -> None:
        end = self._ends.get(packet.stream_index)
        if end is not None and not -_BACK < time + self._offset - end < _AHEAD:
            self._offset = max(self._ends.values()) - time
            self.jumps += 1
        duration = (packet.duration or 0) * (packet.time_base or 0)
        self._ends[packet.stream_index] = time + self._offset + duration


class FrameClock:
    """Chooses between the two times that a decoder gives a frame, as FFmpeg's own programs do.

    AVI has times of decoding alone, and B-frames come with those of other frames.
    """

    def __init__(self, container: str) -> None:
        """Take FFmpeg's name of the container."""
        self._wrong_pts = 1 if container == "avi" else 0
        self._wrong_dts = 0
        self._last_pts: int | None = None
        self._last_dts: int | None = None

    def choose(self, frame: "VideoFrame") -> int | None:
        """Return the time of the next frame in order of presentation, in its time base; ``None``: nobody knows."""
        pts, dts = frame.pts, frame.dts
        if dts is not None:
            self._wrong_dts += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        if pts is not None:
            self._wrong_pts += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        if self._wrong_pts > self._wrong_dts:
            return dts  # without one, the frame before and the rate tell more than a time that is wrong
        return dts if pts is None else pts
