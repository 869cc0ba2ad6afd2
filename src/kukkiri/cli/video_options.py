"""The options of ``kukkiri upscale`` for clips, and the options that mean nothing for one kind of file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from kukkiri.cli.parameters import UsageError

__all__ = ["DEFAULT_VIDEO", "VideoOptions", "note_misplaced_options"]


@Parameter(name="*", group=Group("Video", sort_key=6))
@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """Clips."""

    encoder: str = "auto"
    """of FFmpeg, such as libx264, libx265, libsvtav1, libvpx-vp9, ffv1, or one of a GPU such as h264_nvenc; chosen by
    container and depth when auto."""
    encoder_preset: str | None = None
    """speed against size: ultrafast to veryslow for x264 and x265, 0 to 13 for SVT-AV1; the encoder's choice of kukkiri
    when not given."""
    crf: float | None = None
    """constant quality of the encoder, lower is better and larger; such as 18 for x264."""
    pix_fmt: str | None = None
    """pixel format of the result, such as yuv420p10le; that of the clip when not given."""
    encoder_option: tuple[str, ...] = ()
    """KEY=VALUE, further options of FFmpeg's encoder, such as tune=animation."""
    keyframe_seconds: float = 2.0
    """longest time between two keyframes; what a killed run may lose grows with it."""
    deinterlace: Literal["auto", "on", "off"] = "auto"
    """auto: frames that say they are interlaced; on: all; off: none."""
    reuse: Annotated[bool, Parameter(negative="--no-reuse")] = True
    """copy the result of regions that did not change since the frame before; nothing else changes."""

    @property
    def extra(self) -> dict[str, str]:
        """The options of ``--encoder-option``.

        Raises:
            UsageError: one has no value.
        """
        found = {}
        for text in self.encoder_option:
            key, equals, value = text.partition("=")
            if not (key and equals):
                raise UsageError(f"--encoder-option takes KEY=VALUE, such as tune=animation, got {text!r}.")
            found[key] = value
        return found

    def check(self) -> None:
        """Check the options before any work.

        Raises:
            UsageError: an option of the encoder without a value.
        """
        _ = self.extra

    def given(self) -> list[str]:
        """Names of the options that differ from their defaults."""
        default = VideoOptions()
        names = {
            "--encoder": "encoder",
            "--encoder-preset": "encoder_preset",
            "--crf": "crf",
            "--pix-fmt": "pix_fmt",
            "--encoder-option": "encoder_option",
            "--keyframe-seconds": "keyframe_seconds",
            "--deinterlace": "deinterlace",
            "--no-reuse": "reuse",
        }
        return [name for name, field in names.items() if getattr(self, field) != getattr(default, field)]


DEFAULT_VIDEO = VideoOptions()


def note_misplaced_options(
    *, images: int, clips: int, for_images: Mapping[str, bool], for_clips: Mapping[str, bool]
) -> list[str]:
    """Describe the options that apply to a part of the files only.

    Args:
        images: number of images among the files.
        clips: number of clips among them.
        for_images: options that mean something for images only, and whether they were given.
        for_clips: the same of clips.

    Raises:
        UsageError: an option applies to none of the files.
    """
    notes = []
    for options, kind, count, others, other_count in (
        (for_images, "images", images, "clips", clips),
        (for_clips, "clips", clips, "images", images),
    ):
        names = [name for name, is_given in options.items() if is_given]
        if not names or not other_count:
            continue
        verb = "is" if len(names) == 1 else "are"
        if not count:
            what = "it" if len(names) == 1 else "them"
            raise UsageError(f"{' and '.join(names)} {verb} for {kind}, and the inputs are {others}. Drop {what}.")
        notes.append(f"{' and '.join(names)} {verb} for the {kind} of this run; the {others} go without")
    return notes
