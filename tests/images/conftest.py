"""Files to read, made here: pixels by NumPy, encoders by libvips and Pillow, EXIF by Pillow."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
import pyvips
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
IPTC = b"8BIM\x04\x04\0\0\0\0\0\x07\x1c\x02\x05\0\x02Hi\0"


@dataclass(frozen=True)
class Exif:
    """An EXIF block with every kind of value, and its tags as Pillow reads them."""

    block: bytes

    @property
    def tags(self) -> dict[str, object]:
        return exif_tags(self.block)


def exif_tags(block: bytes) -> dict[str, object]:
    """Tags by name of their directory, without the pointers between directories, which may move."""
    exif = Image.Exif()
    exif.load(block)
    tags = {f"0th {tag:#06x}": value for tag, value in exif.items() if tag not in (0x8769, 0x8825)}
    for name, pointer in (("Exif", 0x8769), ("GPS", 0x8825)):
        tags.update({f"{name} {tag:#06x}": value for tag, value in exif.get_ifd(pointer).items()})
    return tags


@pytest.fixture(scope="session")
def make_exif():
    def make(orientation: int = 1) -> Exif:
        exif = Image.Exif()
        exif[0x010F], exif[0x0110], exif[0x8298] = "Acme", "Camera 1", "(c) somebody"
        exif[0x0112] = orientation
        exif[0x9C9C] = "Sekunde".encode("utf-16le")
        inner = exif.get_ifd(0x8769)
        inner[0x829A], inner[0x829D], inner[0x8827] = IFDRational(1, 200), IFDRational(28, 10), 400
        inner[0x927C] = b"Nikon\0\x02\x10\0\0" + bytes(range(64))
        inner[0x9204] = IFDRational(-1, 3)
        inner[0xA002], inner[0xA003] = 4000, 3000
        inner[0xFE00] = "nobody's tag"
        gps = exif.get_ifd(0x8825)
        gps[0], gps[1] = b"\x02\x03\0\0", "N"
        gps[2] = (IFDRational(59), IFDRational(30), IFDRational(12345, 1000))
        return Exif(exif.tobytes().removeprefix(b"Exif\0\0"))

    return make


@pytest.fixture(scope="session")
def display_p3() -> bytes:
    """A profile that is not sRGB: converting by it would change the pixels."""
    return bytes(pyvips.Image.profile_load("p3"))


@pytest.fixture(scope="session")
def pixels():
    """Smooth and a little noisy pixels, (height, width, channels), uint8 or uint16."""

    def make(height: int, width: int, channels: int, dtype: type = np.uint8) -> np.ndarray:
        y, x = np.mgrid[:height, :width]
        planes = [np.sin(x / (3 + channel)) + np.cos(y / (4 + channel)) for channel in range(channels)]
        noise = np.random.default_rng(1).normal(0, 0.05, (height, width, channels))
        unit = np.clip(np.stack(planes, axis=2) / 4 + 0.5 + noise, 0, 1)
        return (unit * np.iinfo(dtype).max).astype(dtype)

    return make


def encode(array: np.ndarray, kind: str, *, interpretation: str | None = None, **options: object) -> bytes:
    """Encode with libvips; ``kind`` is the start of an operation, such as ``png``. Blobs go by their field's name."""
    blobs = {name: options.pop(name) for name in list(options) if name.endswith("_data")}
    if interpretation is None:
        names = {"uint8": ("b-w", "srgb"), "uint16": ("grey16", "rgb16"), "float32": ("b-w", "scrgb")}
        interpretation = names[array.dtype.name][array.ndim == 3 and array.shape[2] >= 3]
    image = pyvips.Image.new_from_array(np.ascontiguousarray(array), interpretation=interpretation).copy()
    for name, blob in blobs.items():
        image.set_type(pyvips.GValue.blob_type, name.replace("_", "-"), blob)
    return getattr(image, f"{kind}save_buffer")(**options)


def by_pillow(array: np.ndarray, form: str, **options: object) -> bytes:
    """Encode with Pillow."""
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, form, **options)
    return stream.getvalue()
