"""The metadata of an encoded file: of its containers, and of libvips' image of it."""

from typing import Any

from kukkiri.images import exif as exif_block
from kukkiri.images.containers import avif, gif, jpeg, png, webp
from kukkiri.images.encoded_file import EncodedFile
from kukkiri.images.libvips import clear_errors, failure_types, vips
from kukkiri.images.metadata import Metadata
from kukkiri.images.stated_colours import make_codes

__all__ = ["find_further_images", "find_orientation", "get_field", "is_lossy", "read_metadata"]


def get_field(image: Any, name: str, default: Any = None) -> Any:
    """Read one field of a libvips image; a list of all would fail on a name that is no UTF-8."""
    return image.get(name) if image is not None and image.get_typeof(name) else default


def _get_blob(image: Any, name: str) -> bytes | None:
    found = get_field(image, name)
    return (bytes(found) or None) if found is not None else None


def read_metadata(image: Any, file: EncodedFile) -> tuple[Metadata, list[str]]:
    """Read the metadata, and notes on those that cannot be kept.

    Args:
        image: of libvips; ``None`` for an unusual page of a TIFF, whose samples it does not read.
        file: the same.
    """
    icc = _get_blob(image, "icc-profile-data")
    notes: list[str] = []
    if file.form == "PNG":
        return png.extract(file.data, icc=icc), notes
    if file.form == "GIF":
        return gif.extract(file.data), notes
    exif, iptc = _get_blob(image, "exif-data"), None
    comments: tuple[bytes, ...] = ()
    exif = exif and exif_block.strip_prefix(exif)
    resolution = exif and exif_block.read_resolution(exif)
    colour: dict[bytes, bytes] = {}
    if file.form == "TIFF":
        return _read_tiff_metadata(image, file)
    if file.form == "JPEG":
        iptc = jpeg.extract_iptc(file.data)
        comments = jpeg.extract_comments(file.data)
        resolution = jpeg.read_resolution(file.data) or resolution
        if jpeg.has_extended_xmp(file.data):
            notes.append("the extended part of its XMP is dropped")
    elif icc is None and file.colour is not None:
        colour = make_codes(file.colour)
    found = Metadata(
        icc=icc,
        exif=exif,
        xmp=_get_blob(image, "xmp-data"),
        iptc=iptc,
        resolution=resolution or None,
        comments=comments,
        png_colour=colour,
    )
    return found, notes


def _read_tiff_metadata(image: Any, file: EncodedFile) -> tuple[Metadata, list[str]]:
    notes = [f"{words} in its TIFF tags cannot be kept and is dropped" for words in file.described.lost]
    if file.left_out:
        what = "one page that is a reduced image or a mask of the main one is"
        many = f"{file.left_out} pages that are reduced images or masks of the main one are"
        notes.append(f"{what if file.left_out == 1 else many} left out")
    plain = image
    if plain is None:  # the unusual page's other tags, which libvips reads all the same
        with_tags = vips().Image.tiffload_buffer
        try:
            plain = with_tags(file.data, fail_on="none", page=file.page_number)
        except failure_types():
            clear_errors()
    resolution = None
    if get_field(plain, "resolution-unit") is not None:
        resolution = plain.xres * 25.4, plain.yres * 25.4
    found = Metadata(
        icc=_get_blob(plain, "icc-profile-data"),
        exif=file.described.exif,
        xmp=_get_blob(plain, "xmp-data"),
        iptc=_get_blob(plain, "photoshop-data"),
        resolution=resolution,
    )
    return found, notes


def find_orientation(image: Any, file: EncodedFile, metadata: Metadata) -> int | None:
    """Find the orientation that is to be applied, 1 to 8; ``None`` when the file states none.

    The decoder of AVIF and HEIC applies the one that counts there; their EXIF only repeats it.
    """
    stated = exif_block.read_orientation(metadata.exif) if metadata.exif else None
    if file.form in ("AVIF", "HEIC"):
        return None if stated is None and not avif.is_turned(file.data) else 1
    if file.form == "TIFF":
        value = 1 if file.page is None else file.page.number(exif_block.ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1
    return stated


def find_further_images(file: EncodedFile) -> tuple[str, ...]:
    """Name the images beside the one that is read, such as a gain map."""
    if file.form == "JPEG":
        return jpeg.find_further_images(file.data)
    return avif.find_further_images(file.data) if file.form in ("AVIF", "HEIC") else ()


def is_lossy(file: EncodedFile) -> bool:
    """True when the file was compressed with loss, as far as it tells."""
    if file.form == "WebP":
        return webp.is_lossy(file.data)
    return file.form in ("JPEG", "AVIF", "HEIC") or file.described.lossy
