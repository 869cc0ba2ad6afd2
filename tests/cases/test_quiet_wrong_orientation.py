"""Orientation and size in EXIF and XMP stay true to the pixels, whatever integer type or syntax states them."""

import dataclasses
import io
import re
import struct

import numpy as np
import PIL.Image
import pytest
import tifffile

from kukkiri.images import read_image
from tests.cases.made_files import chunk, exif, jpeg, page, png, scene, tiff, xmp, xmp_chunk

KINDS = {"byte": 1, "short": 3, "long": 4, "sbyte": 6, "sshort": 8, "slong": 9}


def doubled(image):
    """The image at twice the size, as ``--model nearest`` makes it."""
    return dataclasses.replace(image, colour=image.colour.repeat(2, axis=0).repeat(2, axis=1))


def tags_of(data: bytes) -> dict[int, object]:
    with PIL.Image.open(io.BytesIO(data)) as image:
        found = image.getexif()
        return {**found, **found.get_ifd(0x8769)}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", KINDS)
def test_orientation_and_sizes_of_every_integer_type_are_settled(tmp_path, kind, order):
    size_kind = KINDS[kind]
    source = jpeg(scene(40, 60), exif=exif(6, kind=KINDS[kind], size=(60, 40), size_kind=size_kind, order=order))
    (tmp_path / "a.jpg").write_bytes(source)
    image = read_image(tmp_path / "a.jpg")
    assert image.size == (60, 40)
    for suffix in ("jpg", "png", "webp"):
        image.save(tmp_path / f"r.{suffix}")
        tags = tags_of((tmp_path / f"r.{suffix}").read_bytes())
        assert (tags[0x0112], tags[0xA002], tags[0xA003]) == (1, 40, 60)


@pytest.mark.parametrize("kind", KINDS)
def test_the_own_orientation_of_a_tiff_is_applied_whatever_its_type(tmp_path, kind):
    samples = scene(20, 30)
    more = {274: (KINDS[kind], [3])}
    (tmp_path / "a.tif").write_bytes(tiff(page(samples, photometric=2, more=more)))
    image = read_image(tmp_path / "a.tif")
    image.save(tmp_path / "r.tif")
    with tifffile.TiffFile(tmp_path / "r.tif") as file:
        stated = file.pages[0].tags.get(274)
        turned = stated is None or stated.value == 1
        assert np.array_equal(file.pages[0].asarray(), samples[::-1, ::-1] if turned else samples)


SPELLINGS = {
    "attribute": xmp('tiff:Orientation="3"'),
    "element": xmp(inside="<tiff:Orientation>3</tiff:Orientation>"),
    "spaced": xmp("tiff:Orientation = ' 3 '"),
    "other prefix": xmp('t:Orientation="3"', names='xmlns:t="http://ns.adobe.com/tiff/1.0/"'),
    "utf-16": xmp('tiff:Orientation="3"').decode().encode("utf-16"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_orientation_in_xmp_alone_stays_with_pixels_that_were_not_turned(tmp_path, spelling):
    samples, packet = scene(40, 60, 7), SPELLINGS[spelling]
    (tmp_path / "a.png").write_bytes(png(samples, extra=xmp_chunk(packet)))
    image = read_image(tmp_path / "a.png")
    assert np.array_equal(image.to_array(), samples)
    assert image.metadata.xmp == packet


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_orientation_in_xmp_is_reset_when_exif_turned_the_pixels(tmp_path, spelling):
    packet = SPELLINGS[spelling]
    block = exif(3, prefix=b"")
    (tmp_path / "a.png").write_bytes(png(scene(40, 60), extra=xmp_chunk(packet) + chunk(b"eXIf", block)))
    kept = read_image(tmp_path / "a.png").metadata.xmp
    encoding = "utf-16" if spelling == "utf-16" else "utf-8"
    expected = re.sub(r"(Orientation[\s=\"'>]*)3", r"\g<1>1", packet.decode(encoding))
    assert kept.decode(encoding) == expected


SIZES = {
    "attributes": xmp('tiff:ImageWidth="60" tiff:ImageLength="40" exif:PixelXDimension="60" exif:PixelYDimension="40"'),
    "elements": xmp(
        inside="<tiff:ImageWidth>60</tiff:ImageWidth><tiff:ImageLength>40</tiff:ImageLength>"
        "<exif:PixelXDimension>60</exif:PixelXDimension><exif:PixelYDimension>40</exif:PixelYDimension>"
    ),
}


@pytest.mark.parametrize("spelling", SIZES)
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif"])
def test_sizes_in_xmp_follow_the_pixels(tmp_path, spelling, suffix):
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(40, 60), xmp=SIZES[spelling]))
    doubled(read_image(tmp_path / "a.jpg")).save(tmp_path / f"r.{suffix}")
    kept = read_image(tmp_path / f"r.{suffix}").metadata.xmp
    assert kept == SIZES[spelling].replace(b'"60"', b'"120"').replace(b'"40"', b'"80"').replace(
        b">60<", b">120<"
    ).replace(b">40<", b">80<")


def test_face_regions_and_panoramas_in_xmp_follow_the_pixels(tmp_path):
    packet = xmp(
        'GPano:FullPanoWidthPixels="240" GPano:FullPanoHeightPixels="120" GPano:CroppedAreaImageWidthPixels="60" '
        'GPano:CroppedAreaImageHeightPixels="40" GPano:CroppedAreaLeftPixels="90" GPano:CroppedAreaTopPixels="11" '
        'stDim:w="7" GPano:PoseHeadingDegrees="60"',
        inside='<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="60" stDim:h="40" '
        'stDim:unit="pixel"/></mwg-rs:Regions>',
        names='xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" '
        'xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" '
        'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"',
    )
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(40, 60), xmp=packet))
    doubled(read_image(tmp_path / "a.jpg")).save(tmp_path / "r.png")
    kept = read_image(tmp_path / "r.png").metadata.xmp.decode()
    found = dict(re.findall(r'(?:GPano|stDim):(\w+)="([^"]*)"', kept.replace('stDim:w="7"', "")))
    assert found == {
        "FullPanoWidthPixels": "480", "FullPanoHeightPixels": "240", "CroppedAreaImageWidthPixels": "120",
        "CroppedAreaImageHeightPixels": "80", "CroppedAreaLeftPixels": "180", "CroppedAreaTopPixels": "22",
        "PoseHeadingDegrees": "60", "w": "120", "h": "80", "unit": "pixel",
    }  # fmt: skip
    assert 'stDim:w="7"' in kept


NAMES = {
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "HDRGainMap": "http://ns.apple.com/HDRGainMap/1.0/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
}
ULTRA_HDR = xmp(
    'hdrgm:Version="1.0"',
    inside='<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" '
    'Item:Mime="image/jpeg"/></rdf:li><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" '
    'Item:Mime="image/jpeg" Item:Length="800"/></rdf:li></rdf:Seq></Container:Directory>',
    names=" ".join(f'xmlns:{prefix}="{NAMES[prefix]}"' for prefix in ("hdrgm", "Container", "Item")),
)
CLAIMS = {
    "adobe": (xmp('hdrgm:GainMapMax="2.3"', names=f'xmlns:hdrgm="{NAMES["hdrgm"]}"'), "a gain map"),
    "ultra hdr": (ULTRA_HDR, "a gain map"),
    "apple": (
        xmp(
            inside="<HDRGainMap:HDRGainMapVersion>131072</HDRGainMap:HDRGainMapVersion>",
            names=f'xmlns:HDRGainMap="{NAMES["HDRGainMap"]}"',
        ),
        "a gain map",
    ),
    "other prefix": (xmp('g:GainMapMax="2.3"', names=f'xmlns:g="{NAMES["hdrgm"]}"'), "a gain map"),
    "video": (
        xmp('GCamera:MicroVideo="1" GCamera:MicroVideoOffset="99"', names=f'xmlns:GCamera="{NAMES["GCamera"]}"'),
        "a video",
    ),
}


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_gain_map_goes_with_a_note_and_without_a_claim(tmp_path, claim, suffix):
    packet, words = CLAIMS[claim]
    second = jpeg(np.ascontiguousarray(scene(40, 60)[::4, ::4, 0]))
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(40, 60), xmp=packet) + second)
    image = read_image(tmp_path / "a.jpg")
    assert image.notes == (f"only the main image is read: {words} in the file is dropped",)
    image.save(tmp_path / f"r.{suffix}")
    data = (tmp_path / f"r.{suffix}").read_bytes()
    for word in (b"hdrgm", b"hdr-gain-map", b"HDRGainMap", b"Container", b"GainMapMax", b"MicroVideo", b"Semantic"):
        assert word not in data
    assert b"adobe:ns:meta" in data


def test_what_else_the_packet_says_is_kept(tmp_path):
    packet = xmp(
        'dc:format="image/jpeg" hdrgm:Version="1.0" tiff:Make="Acme"',
        names=f'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:hdrgm="{NAMES["hdrgm"]}"',
    )
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(40, 60), xmp=packet))
    expected = packet.replace(b' hdrgm:Version="1.0"', b"").replace(f' xmlns:hdrgm="{NAMES["hdrgm"]}"'.encode(), b"")
    assert read_image(tmp_path / "a.jpg").metadata.xmp == expected


@pytest.mark.parametrize("marker", ["iso", "mpf"])
def test_a_gain_map_that_only_segments_announce_is_noted(tmp_path, marker):
    content = b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0" if marker == "iso" else b"MPF\0II*\0" + bytes(40)
    data = jpeg(scene(40, 60))
    data = data[:2] + b"\xff\xe2" + struct.pack(">H", len(content) + 2) + content + data[2:]
    (tmp_path / "a.jpg").write_bytes(data)
    image = read_image(tmp_path / "a.jpg")
    assert "a gain map" in image.notes[0]
    image.save(tmp_path / "r.jpg")
    assert b"21496" not in (tmp_path / "r.jpg").read_bytes()
