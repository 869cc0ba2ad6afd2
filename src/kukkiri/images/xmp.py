"""XMP packets: properties that state orientation, size or further images, edited in place with every other byte kept.

A property is an attribute (``tiff:Orientation="6"``) or an element (``<tiff:Orientation>6</tiff:Orientation>``). The
packet is cut into tags, not parsed as XML, so that damaged packets stay usable and untouched parts stay as they were.
Reference: ISO 16684-1 (XMP), Adobe XMP part 2; Google's Photo Sphere, Ultra HDR and dynamic depth formats.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

__all__ = ["Name", "add_properties", "drop_claims", "extract", "reset_orientation", "settle_size"]

Name = tuple[str, str]
"""(namespace address, local name) of a property; an address in place of a prefix, which each file chooses itself."""

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
_DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_PREFIXES = {"tiff": _TIFF, "exif": _EXIF}
"""Prefixes that are understood where a packet does not declare them."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta>'
_TAG = re.compile(r"<(/?)([\w.:-]+)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)>")
_ATTRIBUTE = re.compile(r"\s+([\w.:-]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_WHOLE_NUMBER = re.compile(r"\s*\d+\s*")
_NUMBER = re.compile(r"\s*\d+(\.\d*)?\s*")

_CLAIMS = {
    "http://ns.adobe.com/hdr-gain-map/1.0/": "a gain map",
    "http://ns.apple.com/HDRGainMap/1.0/": "a gain map",
    "http://ns.apple.com/pixeldatainfo/1.0/": "a gain map",
    "http://ns.google.com/photos/1.0/container/": "",
    "http://ns.google.com/photos/1.0/container/item/": "",
    "http://ns.google.com/photos/dd/1.0/container/": "",
    "http://ns.google.com/photos/dd/1.0/item/": "",
    "http://ns.google.com/photos/1.0/depthmap/": "a depth map",
    "http://ns.google.com/photos/dd/1.0/device/": "a depth map",
    "http://ns.google.com/photos/1.0/image/": "a second image",
    "http://ns.google.com/photos/1.0/audio/": "a sound",
    "http://ns.adobe.com/xmp/note/": "",
}
"""Namespaces whose properties describe data outside the main image, and the words for it, if they say it alone."""
_SEMANTICS = {"GainMap": "a gain map", "RecoveryMap": "a gain map", "MotionPhoto": "a video", "Depth": "a depth map"}
_VIDEO = re.compile(r"(MicroVideo|MotionPhoto)\w*")


@dataclass(frozen=True)
class Tag:
    """One tag of a packet."""

    name: Name
    start: int
    stop: int
    closes: bool
    """An end tag."""
    empty: bool
    """It closes itself."""
    attributes: tuple[tuple[Name, int, int, int], ...]
    """(name, start, start of the value without its quote, stop of the value)."""


def edit_text(xmp: bytes, change: Callable[[str], str]) -> bytes:
    """Apply a change to a packet's text, in its own encoding; bytes that are no text stay as they are."""
    encoding = _find_encoding(xmp)
    errors = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
    try:
        text = xmp.decode(encoding, errors)
        changed = change(text)
        return xmp if changed == text else changed.encode(encoding, errors)
    except UnicodeError:
        return xmp


def _find_encoding(xmp: bytes) -> str:
    starts = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
    return starts.get(xmp[:2], "utf-8")


def walk(text: str) -> Iterator[Tag]:
    """Yield the tags of a packet."""
    prefixes = dict(_PREFIXES)
    for match in _TAG.finditer(text):
        for attribute in _ATTRIBUTE.finditer(match[3]):
            if attribute[1].startswith("xmlns:"):
                prefixes[attribute[1][6:]] = attribute[2][1:-1].strip()
    for match in _TAG.finditer(text):
        base = match.start(3)
        attributes = tuple(
            (_resolve(found[1], prefixes), base + found.start(), base + found.start(2) + 1, base + found.end(2) - 1)
            for found in _ATTRIBUTE.finditer(match[3])
        )
        name = _resolve(match[2], prefixes)
        yield Tag(name, match.start(), match.end(), bool(match[1]), match[3].endswith("/"), attributes)


def _resolve(name: str, prefixes: dict[str, str]) -> Name:
    prefix, _, local = name.rpartition(":")
    return prefixes.get(prefix, prefix), local


def _apply(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """Replace (start, stop) ranges; ranges inside one that was replaced already are skipped."""
    pieces, position = [], 0
    for start, stop, new in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= position:
            pieces += [text[position:start], new]
            position = stop
    return "".join([*pieces, text[position:]])


def _values(text: str) -> Iterator[tuple[Name, int, int, bool]]:
    """Yield (name, start, stop, inside the dimensions of face regions) of the value of every simple property."""
    regions = 0
    for tag in walk(text):
        if tag.name == (_REGIONS, "AppliedToDimensions") and not tag.empty:
            regions += -1 if tag.closes else 1
        applied = regions > 0 or tag.name == (_REGIONS, "AppliedToDimensions")
        for name, _, start, stop in tag.attributes:
            yield name, start, stop, applied
        if not tag.closes and not tag.empty:
            stop = text.find("<", tag.stop)
            yield tag.name, tag.stop, len(text) if stop < 0 else stop, applied


def reset_orientation(xmp: bytes) -> bytes:
    """Set ``tiff:Orientation`` to 1 where it is stated."""

    def change(text: str) -> str:
        found = (
            (start, stop, re.sub(r"\d+", "1", text[start:stop]))
            for name, start, stop, _ in _values(text)
            if name == (_TIFF, "Orientation") and _WHOLE_NUMBER.fullmatch(text, start, stop)
        )
        return _apply(text, found)

    return edit_text(xmp, change)


def settle_size(xmp: bytes, size: tuple[int, int]) -> bytes:
    """Write the size of an image over the sizes that a packet states, and scale its pixel positions.

    Args:
        xmp: a packet.
        size: (height, width) of the image that it will describe.

    Returns:
        The packet with the TIFF and EXIF sizes and those of face regions set; the lengths of a panorama, which may
        be a part of a sphere, are multiplied by the ratio of the new size to the one that it states.
    """
    height, width = size
    sides = {
        (_TIFF, "ImageWidth"): width,
        (_TIFF, "ImageLength"): height,
        (_TIFF, "ImageHeight"): height,
        (_EXIF, "ExifImageWidth"): width,
        (_EXIF, "ExifImageHeight"): height,
        (_EXIF, "PixelXDimension"): width,
        (_EXIF, "PixelYDimension"): height,
    }

    def change(text: str) -> str:
        edits = []
        lengths: dict[str, tuple[int, int, float]] = {}
        for name, start, stop, applied in _values(text):
            side = sides.get(name)
            if applied and name[0] == _DIMENSIONS:
                side = {"w": width, "h": height}.get(name[1])
            if side is not None and _NUMBER.fullmatch(text, start, stop):
                edits.append((start, stop, str(side)))
            if name[0] == _PANORAMA and name[1].endswith("Pixels") and _NUMBER.fullmatch(text, start, stop):
                lengths[name[1]] = start, stop, float(text[start:stop])
        return _apply(text, [*edits, *_scale_panorama(lengths, size)])

    return edit_text(xmp, change)


def _scale_panorama(
    lengths: dict[str, tuple[int, int, float]], size: tuple[int, int]
) -> Iterator[tuple[int, int, str]]:
    for axis, offset, side in (("Width", "Left", size[1]), ("Height", "Top", size[0])):
        _, _, stated = lengths.get(f"CroppedAreaImage{axis}Pixels", (0, 0, 0.0))
        if not stated:
            continue
        for name in (f"CroppedAreaImage{axis}Pixels", f"FullPano{axis}Pixels", f"CroppedArea{offset}Pixels"):
            if name in lengths:
                start, stop, value = lengths[name]
                yield start, stop, str(round(value * side / stated))


def drop(text: str, unwanted: Callable[[Name], bool]) -> str:
    """Remove properties, attributes and whole elements, and the declarations of namespaces that they alone use."""
    edits: list[tuple[int, int, str]] = []
    open_at: list[tuple[Name, int]] = []
    for tag in walk(text):
        if unwanted(tag.name):
            if tag.empty:
                edits.append((tag.start, tag.stop, ""))
            elif not tag.closes:
                open_at.append((tag.name, tag.start))
            elif open_at and open_at[-1][0] == tag.name:
                edits.append((open_at.pop()[1], tag.stop, ""))
            continue
        for name, at, start, stop in tag.attributes:
            declared = name[0] == "xmlns" and unwanted((text[start:stop].strip(), ""))
            if declared or unwanted(name):
                edits.append((at, stop + 1, ""))
    return _apply(text, edits)


def drop_claims(xmp: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Remove what a packet says of a gain map, depth map, video or second image, which are not in the result.

    Returns:
        The packet, and the words for what it spoke of, such as ``a gain map``; none when nothing was removed.
    """
    found: dict[str, None] = {}

    def unwanted(name: Name) -> bool:
        return name[0] in _CLAIMS or (name[0] == _CAMERA and _VIDEO.fullmatch(name[1]) is not None)

    def change(text: str) -> str:
        for name, start, stop, _ in _values(text):
            if not unwanted(name):
                continue
            if name[0] == _CAMERA:
                found["a video"] = None
            elif _CLAIMS[name[0]]:
                found[_CLAIMS[name[0]]] = None
            elif name[1] == "Semantic" and text[start:stop].strip() in _SEMANTICS:
                found[_SEMANTICS[text[start:stop].strip()]] = None
        return drop(text, unwanted)

    return edit_text(xmp, change), tuple(found)


def extract(xmp: bytes, wanted: Callable[[Name], bool]) -> bytes | None:
    """Make a packet of some properties of another one.

    Args:
        xmp: a packet.
        wanted: true for the properties to take over, with all inside them.

    Returns:
        A packet in UTF-8; ``None`` when there is no such property.
    """
    text = xmp.decode(_find_encoding(xmp), "replace")
    attributes, elements = [], []
    opened: tuple[Name, int, int] | None = None
    for tag in walk(text):
        if opened is not None:
            name, start, depth = opened
            if tag.name == name and not tag.empty:
                depth += -1 if tag.closes else 1
                opened = (name, start, depth) if depth else None
                if not depth:
                    elements.append(text[start : tag.stop])
        elif wanted(tag.name) and not tag.closes:
            if tag.empty:
                elements.append(text[tag.start : tag.stop])
            else:
                opened = (tag.name, tag.start, 1)
        else:
            attributes += [text[at : stop + 1] for name, at, _, stop in tag.attributes if wanted(name)]
    if not attributes and not elements:
        return None
    declared = {found[1]: found[0] for found in re.finditer(r"\sxmlns:([\w.-]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')", text)}
    declared.pop("x", None)
    declared["rdf"] = f' xmlns:rdf="{_RDF}"'
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF{"".join(declared.values())}><rdf:Description rdf:about=""'
        f"{''.join(attributes)}>{''.join(elements)}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def add_properties(xmp: bytes | None, address: str, *, prefix: str, texts: Mapping[str, str]) -> bytes:
    """Add simple properties to a packet, or make one; those of the same namespace are replaced.

    Args:
        xmp: a packet. One without an end of its RDF is replaced.
        address: of the namespace.
        prefix: of the properties.
        texts: values by name.
    """
    inside = "".join(f"<{prefix}:{name}>{escape(value)}</{prefix}:{name}>" for name, value in texts.items())

    def change(text: str) -> str:
        text = drop(text, lambda name: name[0] == address)
        end = next((tag for tag in walk(text) if tag.closes and tag.name == (_RDF, "RDF")), None)
        if end is None:
            return change(_EMPTY)
        head = f'<rdf:Description xmlns:rdf="{_RDF}" rdf:about="" xmlns:{prefix}="{address}">'
        return f"{text[: end.start]}{head}{inside}</rdf:Description>{text[end.start :]}"

    return edit_text(xmp or _EMPTY.encode(), change)
