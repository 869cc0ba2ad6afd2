import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.images import exif as exif_block
from kukkiri.images.exif import find_byte_order, parse, serialize, settle_orientation, settle_size, swap_byte_order
from tests.images.conftest import exif_tags


def first(block: bytes) -> int:
    return struct.unpack_from(f"{find_byte_order(block)}I", block, 4)[0]


def test_orientation_becomes_one_and_no_other_tag_changes(make_exif):
    exif = make_exif(6)
    settled = exif_tags(settle_orientation(exif.block, turned=True))
    assert settled == exif.tags | {"0th 0x0112": 1}


def test_only_the_orientation_byte_differs_when_nothing_was_turned(make_exif):
    before, after = make_exif(8).block, settle_orientation(make_exif(8).block, turned=False)
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [(8, 1)]


def test_a_thumbnail_goes_when_the_pixels_were_turned():
    # Two directories of one entry each: orientation, then the thumbnail's.
    block = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 26) + struct.pack("<H12xI", 1, 0)
    link = 8 + 2 + 12
    assert struct.unpack_from("<I", settle_orientation(block, turned=False), link)[0] == 26
    assert struct.unpack_from("<I", settle_orientation(block, turned=True), link)[0] == 0


def test_the_size_is_written_where_the_block_states_it(make_exif):
    exif = make_exif()
    assert exif_tags(settle_size(exif.block, (70000, 90))) == exif.tags | {"Exif 0xa002": 90, "Exif 0xa003": 70000}


def test_parsing_and_laying_out_again_keeps_every_tag(make_exif):
    block = make_exif(3).block
    order = find_byte_order(block)
    head = block[:4] + struct.pack(f"{order}I", 8)
    again = head + serialize(parse(block, first(block), order), order, start=8)
    assert exif_tags(again) == make_exif(3).tags


def test_swapping_the_byte_order_keeps_every_number(make_exif):
    block = make_exif(3).block
    order = find_byte_order(block)
    other, head = ("<", b"II*\0") if order == ">" else (">", b"MM\0*")
    directory = swap_byte_order(parse(block, first(block), order))
    again = head + struct.pack(f"{other}I", 8) + serialize(directory, other, start=8)
    assert exif_tags(again) == make_exif(3).tags


def test_a_stated_resolution_is_read_back_by_pillow():
    tags = exif_tags(exif_block.make_resolution_block(300.0, 150.5))
    assert tags == {"0th 0x011a": 300, "0th 0x011b": 150.5, "0th 0x0128": 2}
    assert exif_block.read_resolution(exif_block.make_resolution_block(300.0, 150.5)) == (300, 150.5)


def test_overlapping_values_of_a_hostile_block_do_not_multiply():
    count = 4000
    entries = b"".join(struct.pack("<HHII", tag, 7, 2**20, 8) for tag in range(count))
    block = b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(2**20)
    kept = parse(block, 8, "<").entries
    assert sum(len(entry.value) for entry in kept.values()) <= 2**24


@pytest.mark.parametrize(
    "block", [b"", b"II", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"junk" * 9]
)
def test_damaged_blocks_are_left_as_they_are(block):
    assert settle_orientation(block, turned=True) == block
    assert settle_size(block, (3, 4)) == block
    assert exif_block.read_resolution(block) is None


@given(st.data())
def test_any_damage_is_survived(make_exif, data):
    block = bytearray(make_exif(6).block)
    for _ in range(data.draw(st.integers(1, 8))):
        block[data.draw(st.integers(4, len(block) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(block[: data.draw(st.integers(0, len(block)))])
    assert len(settle_orientation(cut, turned=True)) == len(cut)
    assert len(settle_size(cut, (5, 6))) == len(cut)
    order = find_byte_order(cut)
    if order and len(cut) >= 8:
        serialize(swap_byte_order(parse(cut, first(cut), order)), order, start=8)
