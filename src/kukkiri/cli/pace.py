"""Speed and remaining time of an image or clip in work."""

import time

from kukkiri.inference import FileProgress

__all__ = ["Pace", "clock"]


class Pace:
    """Speed and remaining time of one image or clip."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.begun: float | None = None
        self._earlier = 0
        self.seen = time.monotonic()
        self.last: FileProgress | None = None

    def take(self, progress: FileProgress) -> None:
        """Keep the newest report."""
        self.seen, self.last = time.monotonic(), progress
        if progress.step == "upscaling" and self.begun is None:
            self.begun = self.seen
            self._earlier = progress.done if progress.unit == "frame" else 0  # frames of a run that this one resumes

    @property
    def share(self) -> float:
        """Share of the tiles or frames that is done, [0, 1]."""
        if self.last is None:
            return 0.0
        if self.last.step == "writing":
            return 1.0
        return min(1.0, self.last.done / self.last.total) if self.last.total else 0.0  # the frames are a guess

    @property
    def megapixels_per_second(self) -> float | None:
        """Of the result; ``None`` before it is known."""
        if self.last is None or self.begun is None or self.last.output_size is None:
            return None
        if not self.share or self.seen <= self.begun:
            return None
        images = self.last.done - self._earlier if self.last.unit == "frame" else self.share
        height, width = self.last.output_size
        return images * height * width / 1e6 / (self.seen - self.begun)

    @property
    def frames_per_second(self) -> float | None:
        """Of a clip; ``None`` before it is known, and of an image."""
        if self.last is None or self.last.unit != "frame" or self.begun is None or self.seen <= self.begun:
            return None
        return (self.last.done - self._earlier) / (self.seen - self.begun)

    @property
    def seconds_left(self) -> float | None:
        """Until the last tile; ``None`` before it is known."""
        if self.begun is None or not self.share:
            return None
        earlier = self._earlier / self.last.total if self.last is not None and self.last.total else 0.0
        if self.share <= earlier:
            return None
        left = (self.seen - self.begun) * (1 - self.share) / (self.share - earlier)
        return max(0.0, left - (time.monotonic() - self.seen))

    def describe(self) -> str:
        """Describe the state in a few words."""
        if self.last is not None and self.last.unit == "frame":
            return self._describe_frames(self.last)
        if self.last is None or self.last.step != "upscaling" or not self.last.total:
            return "waiting" if self.last is None else f"{self.last.step}  {clock(time.monotonic() - self.started)}"
        speed, left = self.megapixels_per_second, self.seconds_left
        parts = [f"tile {self.last.done}/{self.last.total}", f"{100 * self.share:3.0f} %"]
        parts += [f"{speed:.2f} MP/s"] if speed is not None else []
        parts += [f"{clock(left)} left"] if left is not None else []
        return "  ".join(parts)

    def _describe_frames(self, last: FileProgress) -> str:
        total, fps, left = f"/{last.total}" if last.total else "", self.frames_per_second, self.seconds_left
        parts = [f"frame {last.done}{total}"]
        parts += [f"{100 * self.share:3.0f} %"] if last.total else []
        parts += [f"{fps:.1f} fps"] if fps is not None else []
        parts += [f"reused {100 * last.reused:.0f} %"] if last.reused else []
        parts += [f"{clock(left)} left"] if left is not None else []
        return "  ".join(parts)


def clock(seconds: float) -> str:
    """Write seconds as 0:07 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
