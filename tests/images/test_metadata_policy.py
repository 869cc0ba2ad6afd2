import dataclasses

import numpy as np
import pytest

from kukkiri.images import Image, Metadata, read_image
from kukkiri.images.metadata_policy import apply_policy
from tests.images.conftest import XMP, exif_tags

NAMES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
)
RIGHTS = (
    '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Ada &amp; Co</rdf:li></rdf:Alt></dc:rights>'
    "<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>"
)
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description rdf:about="" {NAMES} xmp:Rating="3" xmpRights:Marked="True" exif:GPSLatitude="59,30N">'
    f"<dc:subject><rdf:Bag><rdf:li>home</rdf:li></rdf:Bag></dc:subject>{RIGHTS}"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
).encode()


def iptc(*datasets: tuple[int, bytes]) -> bytes:
    content = b"".join(b"\x1c\x02" + bytes([number]) + len(text).to_bytes(2, "big") + text for number, text in datasets)
    block = b"8BIM\x04\x04\0\0" + len(content).to_bytes(4, "big") + content + bytes(len(content) % 2)
    return b"8BIM\x03\xed\0\0\0\0\0\x02ab" + block


@pytest.fixture
def full(make_exif, display_p3):
    return Metadata(
        icc=display_p3,
        exif=make_exif().block,
        xmp=PACKET,
        iptc=iptc((5, b"title"), (80, b"Ada"), (116, b"(c) Ada"), (90, b"Oslo")),
        resolution=(300.0, 300.0),
        comments=(b"from box 12",),
        png_text=(b"tEXtTitle\0A sea", b"tEXtAuthor\0Ada", b"iTXtCopyright\0\0\0\0\0(c) Ada", b"tEXtLocation\0Oslo"),
    )


def test_strip_leaves_the_colour_profile_alone(full):
    assert apply_policy(full, "keep") is full
    assert apply_policy(full, "strip") == Metadata(icc=full.icc)
    codes = {b"cICP": bytes([9, 16, 0, 1])}
    assert apply_policy(dataclasses.replace(full, png_colour=codes), "strip").png_colour == codes


def test_copyright_leaves_author_and_rights_in_every_block(full):
    kept = apply_policy(full, "copyright")
    assert exif_tags(kept.exif) == {"0th 0x8298": "(c) somebody"}
    assert kept.iptc == iptc((80, b"Ada"), (116, b"(c) Ada"))[14:]
    assert kept.png_text == (b"tEXtAuthor\0Ada", b"iTXtCopyright\0\0\0\0\0(c) Ada")
    assert RIGHTS.encode() in kept.xmp
    assert b'xmpRights:Marked="True"' in kept.xmp
    for word in (b"GPS", b"Rating", b"subject", b"home"):
        assert word not in kept.xmp.replace(NAMES.encode(), b"")
    assert (kept.comments, kept.resolution, kept.icc) == ((), None, full.icc)


def test_an_xmp_of_rights_is_read_by_another_program(full):
    import xml.etree.ElementTree as ElementTree

    root = ElementTree.fromstring(apply_policy(full, "copyright").xmp)
    words = [element.text for element in root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li")]
    assert words == ["(c) Ada & Co", "Ada"]


def test_blocks_without_author_go_whole(make_exif):
    metadata = Metadata(xmp=XMP % 1, iptc=iptc((5, b"title")), exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0")
    assert apply_policy(metadata, "copyright") == Metadata()
    assert apply_policy(Metadata(xmp=b"no xml", exif=b"junk", iptc=b"8BIM"), "copyright") == Metadata()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
def test_every_format_is_written_without_what_was_stripped(tmp_path, full, suffix):
    image = dataclasses.replace(Image.from_array(np.zeros((8, 8, 3), np.uint8)), metadata=full)
    image.save(tmp_path / f"a{suffix}", metadata="strip")
    data = (tmp_path / f"a{suffix}").read_bytes()
    for word in (b"Acme", b"Ada", b"Oslo", b"from box 12", b"xmpmeta", b"A sea"):
        assert word not in data
    assert read_image(tmp_path / f"a{suffix}").metadata == Metadata(icc=full.icc)
