"""The sequence header of an AV1 stream, as far as its colours. Reference: AV1 Bitstream Specification, 5.5."""

from dataclasses import dataclass

__all__ = ["SequenceColour", "read_sequence_colour"]


@dataclass(frozen=True)
class SequenceColour:
    """The colour description of a stream; the codes are those of ITU-T H.273, 2 where nothing is said."""

    monochrome: bool
    primaries: int
    transfer: int
    matrix: int
    full_range: bool


class _Bits:
    """Bits of a byte string, most significant first; beyond its end they are an ``IndexError``."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 0

    def __call__(self, count: int = 1) -> int:
        value = 0
        for _ in range(count):
            byte, bit = divmod(self._position, 8)
            value = value << 1 | self._data[byte] >> (7 - bit) & 1
            self._position += 1
        return value

    def skip_uvlc(self) -> None:
        zeros = 0
        while not self() and zeros < 32:
            zeros += 1
        self(zeros)


def read_sequence_colour(stream: bytes) -> SequenceColour | None:
    """Find the sequence header in a run of OBUs and read its colour description; ``None`` where there is none."""
    try:
        position = 0
        while position < len(stream):
            head = stream[position]
            position += 2 if head & 4 else 1
            length = len(stream) - position
            if head & 2:
                length = shift = 0
                while True:
                    byte = stream[position]
                    position += 1
                    length |= (byte & 127) << shift
                    shift += 7
                    if byte < 128 or shift > 56:
                        break
            if head >> 3 & 15 == 1:
                return _read_header(_Bits(stream[position : position + length]))
            position += length
    except IndexError:
        pass
    return None


def _read_header(bits: _Bits) -> SequenceColour:
    profile = bits(3)
    bits()  # still picture
    reduced = bits()
    if reduced:
        bits(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits(4) + 1, bits(4) + 1
    bits(width_bits + height_bits)
    if not reduced and bits():  # frame numbers
        bits(7)
    bits(3)
    if not reduced:
        _skip_tools(bits)
    bits(3)
    return _read_colour(bits, profile)


def _skip_operating_points(bits: _Bits) -> None:
    model = delay = 0
    if bits():  # timing
        bits(64)
        if bits():
            bits.skip_uvlc()
        model = bits()
        if model:
            delay = bits(5) + 1
            bits(42)
    display_delay = bits()
    for _ in range(bits(5) + 1):
        bits(12)
        if bits(5) > 7:
            bits()
        if model and bits():
            bits(2 * delay + 1)
        if display_delay and bits():
            bits(4)


def _skip_tools(bits: _Bits) -> None:
    bits(4)
    order = bits()
    if order:
        bits(2)
    screen = 2 if bits() else bits()
    if screen and not bits():
        bits()
    if order:
        bits(3)


def _read_colour(bits: _Bits, profile: int) -> SequenceColour:
    deep = bits()
    if profile == 2 and deep:
        bits()
    monochrome = bool(bits()) if profile != 1 else False
    primaries, transfer, matrix = (bits(8), bits(8), bits(8)) if bits() else (2, 2, 2)
    coded_as_rgb = (primaries, transfer, matrix) == (1, 13, 0) and not monochrome
    return SequenceColour(monochrome, primaries, transfer, matrix, True if coded_as_rgb else bool(bits()))
