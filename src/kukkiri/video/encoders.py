"""The encoder of a clip: chosen by container, depth and transparency, or by name, and tried before any work."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from kukkiri.errors import BackendError, ConfigError, did_you_mean, make_printable
from kukkiri.video.encoder_table import ALIASES, ENCODERS, OUTPUT_CONTAINERS, EncoderFacts
from kukkiri.video.sample_formats import SampleFormat, describe_loss, find_nearest

if TYPE_CHECKING:
    import av

    from kukkiri.video.clip_info import VideoInfo

__all__ = ["EncoderChoice", "EncoderOptions", "choose_encoder", "find_container", "list_encoders"]

_OWN_KEYS = ("preset", "crf", "pix_fmt")


@dataclass(frozen=True)
class EncoderOptions:
    """Wishes for the encoder; the defaults are chosen by container, depth and transparency."""

    encoder: str = "auto"
    """A name such as ``libx264``, ``x265``, ``h264_nvenc``; or ``auto``."""
    preset: str | None = None
    """Of the encoder, such as ``veryfast`` (x264), ``8`` (SVT-AV1)."""
    crf: float | None = None
    """Quality number of the encoder, smaller is better."""
    pix_fmt: str | None = None
    """Format of the samples, such as ``yuv420p``, by libav's name."""
    keyframe_seconds: float = 2.0
    """Longest distance between two keyframes; a killed run loses at most twice as much."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further options of libav's encoder, such as ``{"tune": "animation"}``."""

    def __post_init__(self) -> None:
        """Check what needs no encoder.

        Raises:
            ConfigError: a distance of keyframes that is not positive.
        """
        if not 0 < self.keyframe_seconds <= 3600:
            raise ConfigError(f"keyframes every {self.keyframe_seconds} s? Give a number above 0, such as 2.")


@dataclass(frozen=True)
class EncoderChoice:
    """An encoder that was tried with its options, size and sample format."""

    name: str
    """Of libav."""
    container: str
    """libav's name of the container."""
    size: tuple[int, int]
    """(height, width)."""
    pix_fmt: str
    """Format of the samples that it is given."""
    options: Mapping[str, str]
    """All options of libav's encoder."""
    rate: Fraction
    """Frames per second, a hint for the rate control."""
    delay: int
    """Frames that are decoded ahead of one that is shown."""
    keyframe_seconds: float
    """Longest distance between two keyframes."""
    matrix: int | None = None
    """Matrix coefficients (H.273) of the result where they are not the source's, since RGB is converted."""
    notes: tuple[str, ...] = ()
    """Losses that the container or the encoder make unavoidable."""

    def describe(self) -> str:
        """Describe the choice in a few words, such as ``libx264 yuv420p, preset veryfast, crf 18``."""
        facts = ENCODERS.get(self.name, EncoderFacts())
        words = [f"{self.name} {self.pix_fmt}"]
        if facts.preset_option in self.options:
            words.append(f"preset {self.options[facts.preset_option]}")
        quality = next(key for key, value in facts.crf_options.items() if value == "{}")
        if quality in self.options:
            words.append(f"crf {float(self.options[quality]) / _crf_unit(facts):g}")
        return ", ".join(words)

    def prepare(self, context: "av.VideoCodecContext") -> None:
        """Set all but the colours of an encoder that is not open yet."""
        context.height, context.width = self.size
        context.pix_fmt = self.pix_fmt
        context.framerate, context.time_base = self.rate, 1 / self.rate
        context.options = dict(self.options)
        context.thread_count = 0  # as many as it likes

    def open(self, *, configure: "Callable[[av.VideoCodecContext], None] | None" = None) -> "av.VideoCodecContext":
        """Open an encoder; every one that is opened with the same choice writes the same bytes.

        Args:
            configure: sets colours and the like before it is opened.

        Raises:
            BackendError: it cannot be opened.
        """
        import av
        from av.codec.context import Flags

        _hush_svt_av1()
        try:
            context: av.VideoCodecContext = av.VideoCodecContext.create(self.name, "w")  # type: ignore[assignment]
            self.prepare(context)
            context.flags |= Flags.global_header.value  # as every container that is written here asks
            if configure is not None:
                configure(context)
            context.open()
        except (av.FFmpegError, OverflowError, ValueError) as error:
            reason = make_printable(getattr(error, "strerror", None) or error)
            raise BackendError(f"{self.name} cannot be used here with these options ({reason}).") from error
        return context


def choose_encoder(
    options: EncoderOptions,
    *,
    path: Path,
    size: tuple[int, int],
    pix_fmt: str,
    info: "VideoInfo",
) -> EncoderChoice:
    """Choose and try the encoder for a clip.

    Args:
        options: the wishes.
        path: of the result; its suffix names the container.
        size: (height, width) of the result.
        pix_fmt: format of the frames that will come.
        info: the source.

    Raises:
        ConfigError: an unknown encoder, preset, quality number, sample format or option, or a container that cannot
            hold it.
        BackendError: the encoder does not work here.
    """
    container = find_container(path)
    wanted = SampleFormat.of(pix_fmt)
    asked = wanted if options.pix_fmt is None else _read_format(options.pix_fmt)
    name = _resolve_name(options.encoder) if options.encoder != "auto" else _choose_name(container, asked, size)
    codec = _find_codec(name)
    if codec is None:
        raise ConfigError(f"unknown encoder {name!r}{did_you_mean(name, list_encoders())}")
    _check_container(codec.name, container, path)
    facts = ENCODERS.get(name, EncoderFacts())
    formats = [one.name for one in codec.video_formats or () if one.name not in facts.without] or [pix_fmt]
    chosen = _choose_format(options, name=name, wanted=wanted, formats=formats, size=size)
    rate = Fraction(info.rate).limit_denominator(1_001_000) if info.rate else Fraction(25)
    notes = [] if options.pix_fmt else describe_loss(wanted, SampleFormat.of(chosen), where=f"{name} in {path.suffix}")
    settings = {
        **facts.options,
        **_set_preset(name, facts, options, wanted),
        **_set_crf(name, facts, options),
        **({} if facts.one_gop else {"g": str(max(1, round(rate * Fraction(options.keyframe_seconds))))}),
    }
    settings |= _set_hdr(name, info, notes)
    settings |= {"auto-alt-ref": "0"} if name.startswith("libvpx") and SampleFormat.of(chosen).alpha else {}
    for key, value in _check_extra(name, facts, options.extra).items():  # x265-params join those that are set here
        settings[key] = f"{settings[key]}:{value}" if key.endswith("-params") and key in settings else value
    choice = EncoderChoice(
        name=name,
        container=container,
        size=size,
        pix_fmt=chosen,
        options=settings,
        rate=rate,
        delay=0,
        keyframe_seconds=options.keyframe_seconds,
        matrix=_choose_matrix(wanted, SampleFormat.of(chosen)),
        notes=tuple(notes),
    )
    return _try(choice, facts, asked=options.encoder != "auto")


def find_container(path: Path) -> str:
    """Find libav's name of the container that a path names.

    Raises:
        ConfigError: no clip of that suffix can be written.
    """
    container = OUTPUT_CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise ConfigError(
            f"{make_printable(path)}: a clip cannot be written as {path.suffix or 'a file without suffix'!s}"
            f"{did_you_mean(path.suffix.lower(), OUTPUT_CONTAINERS)}"
        )
    return container


def list_encoders() -> list[str]:
    """List the known video encoders that this libav was built with."""
    return [name for name in ENCODERS if _find_codec(name) is not None]


def _find_codec(name: str) -> "av.Codec | None":
    import av
    from av.codec.codec import UnknownCodecError

    try:
        codec = av.Codec(name, "w")
    except UnknownCodecError:
        return None
    return codec if codec.type == "video" and codec.name == name else None


def _resolve_name(name: str) -> str:
    return ALIASES.get(name.lower(), name)


def _choose_name(container: str, wanted: SampleFormat, size: tuple[int, int]) -> str:
    """Choose what a person would: what most programs play, unless that would lose depth or transparency."""
    odd = size[0] % wanted.subsampling[0] or size[1] % wanted.subsampling[1]
    if container == "webm":
        return "libvpx-vp9" if wanted.depth == 8 or wanted.alpha else "libsvtav1"
    if wanted.alpha and (container == "mov" or (container == "matroska" and not wanted.rgb and 8 < wanted.depth <= 12)):
        return "prores_ks"  # older programs read no FFV1 of 12 bits with transparency
    if wanted.alpha and container == "matroska":
        return "ffv1"
    if wanted.depth > 12 and container == "matroska":
        return "ffv1"
    if wanted.depth > 8:
        return "libx265"
    if wanted.rgb:
        return "libx264rgb"
    return "libvpx-vp9" if odd and container != "mov" else "libx264"


def _read_format(pix_fmt: str) -> SampleFormat:
    try:
        return SampleFormat.of(pix_fmt)
    except ValueError:
        message = f"unknown pix_fmt {pix_fmt!r}. Give a name of libav, such as yuv420p or yuv420p10le."
        raise ConfigError(message) from None


def _choose_format(
    options: EncoderOptions, *, name: str, wanted: SampleFormat, formats: list[str], size: tuple[int, int]
) -> str:
    """Choose the sample format of the encoder that keeps most, or check the one that was asked for."""
    if options.pix_fmt is not None:
        if options.pix_fmt not in formats:
            raise ConfigError(f"{name} takes no pix_fmt {options.pix_fmt!r}{did_you_mean(options.pix_fmt, formats)}")
        return options.pix_fmt
    whole = [one for one in formats if name in ("libvpx-vp9", "libsvtav1", "ffv1") or _divides(one, size)]
    return find_nearest(wanted, whole or formats)


def _divides(pix_fmt: str, size: tuple[int, int]) -> bool:
    """True when a size is a multiple of the chroma subsampling, which H.264 and HEVC ask for."""
    subsampling = SampleFormat.of(pix_fmt).subsampling
    return size[0] % subsampling[0] == 0 and size[1] % subsampling[1] == 0


def _choose_matrix(wanted: SampleFormat, chosen: SampleFormat) -> int | None:
    if wanted.rgb == chosen.rgb:
        return None
    return 0 if chosen.rgb else 1  # identity, BT.709


def _set_preset(name: str, facts: EncoderFacts, options: EncoderOptions, wanted: SampleFormat) -> dict[str, str]:
    preset = options.preset
    if preset is None:
        if name == "prores_ks":
            preset = "4444" if wanted.alpha or wanted.rgb or wanted.subsampling == (1, 1) else "hq"
        else:
            preset = facts.preset
        return {} if preset is None else {facts.preset_option: preset}
    if not facts.presets:
        raise ConfigError(f"{name} has no presets. Leave the preset out.")
    if preset not in facts.presets:
        raise ConfigError(f"{name} has no preset {preset!r}{did_you_mean(preset, facts.presets)}")
    return {facts.preset_option: preset}


def _set_crf(name: str, facts: EncoderFacts, options: EncoderOptions) -> dict[str, str]:
    crf = facts.crf if options.crf is None else options.crf
    if crf is None:
        return {}
    if facts.crf_range is None:
        raise ConfigError(f"{name} has no crf. Leave it out.")
    low, high = facts.crf_range
    if not low <= crf <= high:
        raise ConfigError(f"{name} takes a crf from {low:g} (best) to {high:g}, got {crf:g}.")
    return {key: value.format(f"{crf * _crf_unit(facts):g}") for key, value in facts.crf_options.items()}


def _crf_unit(facts: EncoderFacts) -> int:
    return 118 if facts.crf_options.get("flags") == "+qscale" else 1  # FF_QP2LAMBDA


def _set_hdr(name: str, info: "VideoInfo", notes: list[str]) -> dict[str, str]:
    """Set the HDR10 blocks, which encoders take each in its own spelling."""
    mastering, light = info.mastering_display, info.content_light
    if name == "libx265":
        params = ["log-level=none"]  # x265 writes to the terminal by itself
        params += ["hdr10=1", "repeat-headers=1"] if mastering or light else []
        params += [f"master-display={mastering.as_x265()}"] if mastering else []
        params += [f"max-cll={light.as_x265()}"] if light else []
        return {"x265-params": ":".join(params)}
    if name == "libsvtav1" and (mastering or light):
        params = [f"mastering-display={mastering.as_svtav1()}"] if mastering else []
        params += [f"content-light={light.as_svtav1()}"] if light else []
        return {"svtav1-params": ":".join(params)}
    if mastering or light:
        notes.append(f"{name} does not write the HDR10 blocks (mastering display, content light); libx265 does.")
    return {}


def _check_extra(name: str, facts: EncoderFacts, extra: Mapping[str, str]) -> dict[str, str]:
    for key, value in extra.items():
        if key in _OWN_KEYS:
            raise ConfigError(f"the encoder option {key!r} has a keyword of its own. Use that.")
        if key == "tune" and facts.tunes and value not in facts.tunes:
            raise ConfigError(f"{name} has no tune {value!r}{did_you_mean(str(value), facts.tunes)}")
    return {key: str(value) for key, value in extra.items()}


def _check_container(name: str, container: str, path: Path) -> None:
    """Check that a container can hold an encoder's codec by beginning an empty one."""
    import io

    import av

    probe = av.open(io.BytesIO(), "w", format=container)
    try:
        probe.add_mux_stream(name)
    except ValueError:
        raise ConfigError(
            f"{path.suffix} cannot hold what {name} writes. Use .mkv, or leave the encoder out."
        ) from None
    finally:
        probe.close()


def _try(choice: EncoderChoice, facts: EncoderFacts, *, asked: bool) -> EncoderChoice:
    """Open the encoder and encode one frame of the true size, before hours of work are spent."""
    import dataclasses

    import av

    try:
        context = choice.open()
    except BackendError as error:
        rest = "Choose another encoder or other options." if asked else "Choose an encoder by name."
        raise BackendError(f"{error} {rest}") from error
    unknown = sorted(context.options)
    if unknown:
        raise ConfigError(f"{choice.name} has no option {', '.join(map(repr, unknown))}. Check the spelling.")
    frame = av.VideoFrame(choice.size[1], choice.size[0], choice.pix_fmt)
    frame.pts, frame.time_base = 0, context.time_base
    _hush_svt_av1()
    try:
        packets = [*context.encode(frame), *context.encode(None)]
    except av.FFmpegError as error:
        raise BackendError(f"{choice.name} encodes no frame here ({error.strerror}).") from error
    if not packets:
        raise BackendError(f"{choice.name} gave nothing for a frame. Choose another encoder.")
    delay = context.reorder_depth if facts.delay is None else facts.delay
    return dataclasses.replace(choice, delay=delay)


def _hush_svt_av1() -> None:
    """Keep SVT-AV1 from writing to the terminal: it asks the environment, nothing else.

    Everything else is quiet as PyAV comes. Its log level is left alone: with any level set, a decoder's thread that
    logs waits for the interpreter's lock, and closing the decoder, which holds it, waits for that thread for ever.
    """
    os.environ.setdefault("SVT_LOG", "1")
