import dataclasses
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image as PillowImages

from kukkiri.images import Image, Metadata, read_image
from kukkiri.images.provenance import add_provenance
from tests.images.conftest import XMP

ENTRY = {"software": "kukkiri 0.1.0", "model": "plain-m-x2", "sha256": "ab" * 32, "scale": 2, "options": {"wrap": True}}


def properties(xmp: bytes) -> dict[str, str]:
    found = {}
    for element in ElementTree.fromstring(xmp).iter():
        if element.tag.startswith("{urn:kukkiri:provenance}"):
            found[element.tag.partition("}")[2]] = element.text
    return found


@pytest.mark.parametrize("before", [None, XMP % 1, (XMP % 1).replace(b"</rdf:RDF>", b""), b"no xml"])
def test_the_entry_stands_in_the_packet(before):
    xmp = add_provenance(Metadata(xmp=before), ENTRY).xmp
    expected = {"software": "kukkiri 0.1.0", "model": "plain-m-x2", "sha256": "ab" * 32}
    assert properties(xmp) == {**expected, "scale": "2", "options": '{"wrap": true}'}
    if before == XMP % 1:
        assert b'tiff:Orientation="1"' in xmp


def test_a_later_entry_takes_the_place_of_an_earlier_one():
    once = add_provenance(Metadata(xmp=XMP % 1), {**ENTRY, "model": "a < b & c"})
    assert properties(once.xmp)["model"] == "a < b & c"
    twice = add_provenance(once, ENTRY)
    assert properties(twice.xmp)["model"] == "plain-m-x2"
    assert len(twice.png_text) == 1
    assert twice.xmp.count(b"kukkiri:model") == 2  # one start tag, one end tag


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
def test_every_format_carries_the_entry(tmp_path, suffix):
    image = dataclasses.replace(
        Image.from_array(np.zeros((8, 8, 3), np.uint8)), metadata=add_provenance(Metadata(), ENTRY)
    )
    assert image.save(tmp_path / f"a{suffix}") == []
    assert properties(read_image(tmp_path / f"a{suffix}").metadata.xmp)["sha256"] == "ab" * 32
    if suffix == ".png":
        with PillowImages.open(tmp_path / "a.png") as opened:
            assert json.loads(opened.text["kukkiri"]) == ENTRY
