"""The browser's PNG reader and writer, in Node, against libvips and Pillow: every kind, depth and interlace."""

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from kukkiri.images import read_image

MODULES = Path(__file__).parents[3] / "src/kukkiri/web/static/browser"
RUNNER = Path(__file__).with_name("png_round_trip.mjs")
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def write_png(path: Path, samples: np.ndarray, *, bits: int, kind: int, interlace: bool, further: bytes = b"") -> None:
    """A PNG without filters, from (H, W, C) samples, by the specification."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    raw = b""
    for left, top, across, down in ADAM7 if interlace else [(0, 0, 1, 1)]:
        part = samples[top::down, left::across]
        for row in part if part.size else ():
            values = row.ravel()
            if bits == 16:
                packed = values.astype(">u2").tobytes()
            else:
                spread = np.unpackbits(values.astype(np.uint8)[:, None], axis=1)[:, 8 - bits :]
                packed = np.packbits(spread.ravel()).tobytes()
            raw += b"\0" + packed
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlace)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + further
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def pass_through(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["node", RUNNER, MODULES, *paths], capture_output=True, text=True, check=False)


def test_every_kind_is_read_and_written_as_libvips_does(tmp_path):
    kinds = [(1, 0, 1), (2, 0, 1), (4, 0, 1), (8, 0, 1), (16, 0, 1), (8, 2, 3), (16, 2, 3), (8, 4, 2), (16, 6, 4)]
    pairs = []
    for bits, kind, channels in kinds:
        for interlace in (False, True):
            source = tmp_path / f"{bits}-{kind}-{interlace}.png"
            samples = np.random.default_rng(bits + kind).integers(0, 2**bits, (13, 11, channels))
            write_png(source, samples, bits=bits, kind=kind, interlace=interlace)
            pairs.append((source, source.with_suffix(".out.png")))
    done = pass_through(*(path for pair in pairs for path in pair))
    assert done.returncode == 0, done.stderr
    for source, target in pairs:
        found, wanted = read_image(target), read_image(source)
        assert found.depth == wanted.depth, source.name
        np.testing.assert_array_equal(found.colour, wanted.colour, source.name)
        assert (found.alpha is None) == (wanted.alpha is None), source.name
        if wanted.alpha is not None:
            np.testing.assert_array_equal(found.alpha, wanted.alpha, source.name)


def test_the_filters_of_other_programs_are_undone(tmp_path):
    rows, columns = np.indices((64, 80))
    smooth = np.stack([rows * 3, columns * 2, rows + columns], axis=-1).astype(np.uint8)
    PillowImage.fromarray(smooth).save(tmp_path / "in.png", optimize=True)
    assert pass_through(tmp_path / "in.png", tmp_path / "out.png").returncode == 0
    np.testing.assert_array_equal(np.asarray(PillowImage.open(tmp_path / "out.png")), smooth)
    assert (tmp_path / "out.png").stat().st_size < smooth.size / 10  # its own filters work


def test_a_bomb_unpacks_no_more_than_its_header_says(tmp_path):
    samples = np.zeros((1000, 1000, 1), int)
    write_png(tmp_path / "bomb.png", samples, bits=8, kind=0, interlace=False)
    data = bytearray((tmp_path / "bomb.png").read_bytes())
    data[16:24] = struct.pack(">II", 5, 7)
    (tmp_path / "bomb.png").write_bytes(data)
    done = pass_through(tmp_path / "bomb.png", tmp_path / "out.png")
    assert done.stdout == '{"width":5,"height":7,"planes":1,"depth":8}\n'


def test_damage_is_an_error(tmp_path):
    write_png(tmp_path / "in.png", np.zeros((9, 9, 3), int), bits=8, kind=2, interlace=False)
    whole = (tmp_path / "in.png").read_bytes()
    for name, data in (("cut", whole[:60]), ("wrong", whole[:45] + b"\xff\xff\xff" + whole[48:])):
        (tmp_path / f"{name}.png").write_bytes(data)
        assert pass_through(tmp_path / f"{name}.png", tmp_path / "out.png").returncode != 0
