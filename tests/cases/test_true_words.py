"""Messages say what is true of a file, name a remedy that exists, and never carry control characters to a terminal."""

import logging
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from kukkiri.cli import LineFormatter, run
from kukkiri.errors import ImageError, make_printable
from kukkiri.images import Image, open_image, read_image
from kukkiri.images.camera_raw import RAW_SUFFIXES
from tests.cases.made_files import chunk, page, png, scene, tiff

GOOD = png(scene(40, 60, 12))
HEADER = GOOD[16:29]


def refusal(tmp_path, name: str, data: bytes) -> str:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / name)
    message = str(caught.value)
    assert "\n" not in message
    return message


# Camera raw --------------------------------------------------------------------------------------------------------


def raw_file(order: str = "<", *, photometric: int = 32803, more: dict | None = None, big: bool = False) -> bytes:
    """A TIFF/EP file: a small RGB thumbnail in front, the sensor's mosaic in a sub-directory."""
    mosaic = page(scene(200, 300)[..., 1].astype(np.uint16), photometric=photometric, order=order)
    small = page(scene(40, 60), photometric=2, order=order, more={254: (4, [1]), **(more or {})}, below={330: [mosaic]})
    return tiff(small, order=order, big=big)


RAW_CONTENTS = {
    "mosaic": raw_file(),
    "big endian": raw_file(">"),
    "linear": raw_file(photometric=34892),
    "big tiff": raw_file(big=True),
    "dng": tiff(page(scene(40, 60), photometric=2, more={50706: (1, [1, 4, 0, 0])})),
    "second page": tiff(page(scene(40, 60), photometric=2), page(scene(40, 60)[..., 0].copy(), photometric=32803)),
    "fujifilm": b"FUJIFILMCCD-RAW 0201" + bytes(2000),
    "olympus": b"IIRO\x08\0\0\0" + bytes(2000),
    "panasonic": b"IIU\0\x18\0\0\0" + bytes(2000),
    "canon": b"II*\0\x10\0\0\0CR\x02\0" + bytes(2000),
    "canon 3": b"\0\0\0\x18ftypcrx \0\0\0\x01" + bytes(2000),
    "sigma": b"FOVb" + bytes(2000),
}


@pytest.mark.parametrize("kind", RAW_CONTENTS)
@pytest.mark.parametrize("name", ["a.tif", "a", "a.nef"])
def test_a_camera_raw_is_refused_by_its_content(tmp_path, kind, name):
    message = refusal(tmp_path, name, RAW_CONTENTS[kind])
    assert "is a camera raw" in message
    assert "Develop it first" in message
    assert "corrupt" not in message


@pytest.mark.parametrize("suffix", sorted(RAW_SUFFIXES))
def test_a_camera_raw_is_refused_by_its_name(tmp_path, suffix):
    plain = tiff(page(scene(40, 60), photometric=2))
    for name, data in ((f"a{suffix}", plain), (f"b{suffix.upper()}", plain), (f"c{suffix}", bytes(64))):
        assert f"is a camera raw by its name ({suffix})" in refusal(tmp_path, name, data)
    (tmp_path / f"d{suffix}").write_bytes(GOOD)
    assert read_image(tmp_path / f"d{suffix}").size == (40, 60)


# Floats ------------------------------------------------------------------------------------------------------------


def spread(high: float, share: float, low: float = 0.0) -> np.ndarray:
    values = np.linspace(0, 1, 4096, dtype=np.float32)
    outside = round(share * 4096)
    values[:outside] = np.linspace(1.01, high, outside) if low == 0 else np.linspace(low, -0.01, outside)
    return values.reshape(64, 64)


@pytest.mark.parametrize(
    ("high", "share", "low"),
    [(255, 0.154, 0), (255, 0.03, 0), (65535, 0.9, 0), (4095, 0.01, 0), (5, 0.2, 0), (0, 0.4, -1)],
)
def test_floats_far_outside_are_refused_with_the_remedy(tmp_path, high, share, low):
    values = spread(high, share, low)
    with pytest.raises(ImageError, match=r"the array: float samples run from .* expected \[0, 1\].*Divide them by"):
        Image.from_array(values)
    message = refusal(tmp_path, "a.tif", tiff(page(values, photometric=1)))
    assert "float samples run from" in message
    assert "Divide them by their white level" in message


@pytest.mark.parametrize(("high", "share"), [(1.02, 0.9 / 2), (1.5, 0.05), (3, 0.03), (8, 0.03), (1.2, 0.3)])
def test_floats_a_little_outside_are_clamped_with_a_note(tmp_path, high, share):
    values = spread(high, share)
    image = Image.from_array(values)
    assert np.array_equal(image.colour[..., 0], values.clip(0, 1))
    (tmp_path / "a.tif").write_bytes(tiff(page(values, photometric=1)))
    for found in (image, read_image(tmp_path / "a.tif")):
        assert found.notes == (f"float samples from 0 to {values.max():g} were clamped to [0, 1]",) or (
            "were clamped to [0, 1]" in found.notes[0]
        )


# Damaged PNG -------------------------------------------------------------------------------------------------------


def headed(**fields: int) -> bytes:
    names = ("width", "height", "depth", "colour", "compression", "filtering", "interlacing")
    values = dict(zip(names, struct.unpack(">IIBBBBB", HEADER), strict=True)) | fields
    return GOOD[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", *values.values())) + GOOD[33:]


def torn(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


MIDDLE = GOOD.index(b"IDAT") + 500
DAMAGED = {
    "header checksum": (GOOD[:29] + bytes(4) + GOOD[33:], "the checksum of its header IHDR is wrong"),
    "pixel checksum": (torn(GOOD, MIDDLE), "the checksum of its chunk IDAT is wrong"),
    "transparency checksum": (
        GOOD[:33] + torn(chunk(b"tRNS", bytes(6)), 12) + GOOD[33:],
        "the checksum of its chunk tRNS is wrong",
    ),
    "no palette": (headed(colour=3), "its palette, PLTE, is missing"),
    "wrong palette": (
        headed(colour=3).replace(GOOD[33:], chunk(b"PLTE", bytes(7)) + GOOD[33:]),
        "its palette, PLTE, has a wrong length",
    ),
    "no size": (headed(width=0), "states an impossible size, 0x40"),
    "odd depth": (headed(depth=7), "states 7 bits for colour type 2"),
    "odd colour": (headed(colour=5), "states 8 bits for colour type 5"),
    "odd method": (headed(filtering=3), "unknown compression, filter or interlacing"),
    "short header": (GOOD[:8] + chunk(b"IHDR", HEADER[:-1]) + GOOD[33:], "is 12 bytes long, not 13"),
    "no header": (GOOD[:8] + GOOD[33:], "it begins with IDAT instead of its header, IHDR"),
    "no pixels": (GOOD[:33] + chunk(b"IEND", b""), "its pixels, IDAT, are missing"),
    "cut": (GOOD[: len(GOOD) // 2], "the file ends inside its IDAT chunk"),
    "cut in front": (GOOD[:20], "the file ends inside"),
    "too few rows": (headed(height=90), "hold 7240 of 16290 bytes"),
    "no zlib": (GOOD[:33] + chunk(b"IDAT", b"not zlib") + chunk(b"IEND", b""), "its pixels, IDAT, are damaged"),
    "unknown chunk": (GOOD[:33] + chunk(b"ABCD", b"") + GOOD[33:], "its critical chunk ABCD is unknown"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_png_tells_the_reason(tmp_path, kind):
    data, reason = DAMAGED[kind]
    message = refusal(tmp_path, "a.png", data)
    assert "truncated or corrupt" in message
    assert reason in message
    assert "no reason given" not in message


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
@pytest.mark.parametrize("keyword", [b"ge\xe4ndert", b"\xa9", b"Titel \xfcber", b"x\xff"])
def test_latin1_keywords_are_fine(tmp_path, kind, keyword):
    text = {b"tEXt": b"am Montag", b"zTXt": b"\0" + zlib.compress(b"am Montag"), b"iTXt": b"\0\0\0\0am Montag"}[kind]
    data = GOOD[:33] + chunk(kind, keyword + b"\0" + text) + GOOD[33:]
    (tmp_path / "a.png").write_bytes(data)
    image = read_image(tmp_path / "a.png")
    assert np.array_equal(image.to_array(), scene(40, 60, 12))
    image.save(tmp_path / "r.png")
    assert chunk(kind, keyword + b"\0" + text) in (tmp_path / "r.png").read_bytes()


def test_a_png_with_a_damaged_signature_is_told_so(tmp_path):
    sent_as_text = (GOOD.replace(b"\r\n", b"\n"), GOOD.replace(b"\n", b"\r\n"), b"\x09" + GOOD[1:])
    for data in (*sent_as_text, b"\x89QNG" + GOOD[4:], GOOD[:6] + b" " + GOOD[7:]):
        message = refusal(tmp_path, "a.png", data)
        assert "a PNG with a damaged signature" in message
        assert "Get the file again, in binary mode" in message


# Terminals ---------------------------------------------------------------------------------------------------------

EVIL = "a\x1b[31m\x9b2J\x07\r\u202egnp"


def test_controls_are_escaped_and_letters_stay():
    assert make_printable(EVIL) == "a\\x1b[31m\\x9b2J\\x07\\r\\u202egnp"
    assert make_printable("ひら\u3000がな é\xa0ñ 👩\u200d🎨.png") == "ひら\u3000がな é\xa0ñ 👩\u200d🎨.png"
    assert make_printable("a\nb\tc") == "a\\nb\\tc"
    assert make_printable("a\nb", keep="\n") == "a\nb"
    make_printable(os.fsdecode(b"\xff\xfe.png")).encode()


def unsafe(text: bytes) -> list[int]:
    return [byte for byte in text.decode("utf-8", "replace").encode("latin-1", "replace") if byte < 32 and byte != 10]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_and_contents_bring_no_controls_to_the_terminal(tmp_path):
    good, bad, words = f"{EVIL}.png", f"bad{EVIL}.png", f"words{EVIL}.tif"
    (tmp_path / good).write_bytes(GOOD)
    (tmp_path / bad).write_bytes(GOOD[:8] + chunk(b"IHDR", HEADER) + chunk(b"A\x1bB\x07", b"\x1b[2J") + GOOD[33:])
    (tmp_path / words).write_bytes(tiff(page(scene(40, 60), photometric=2, bits=24)))
    files = [good, bad, words, f"none{EVIL}.png"]
    options = ["--model", "nearest", "-o", f"out{EVIL}"]
    done = subprocess.run(
        [sys.executable, "-m", "kukkiri", "upscale", *files, *options], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert unsafe(done.stderr) == []
    assert b"\\x1b" in done.stderr
    assert "\x9b" not in done.stderr.decode()
    assert (tmp_path / f"out{EVIL}" / good).exists()


def test_the_limit_of_pixels_names_its_option():
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = GOOD[:8] + chunk(b"IHDR", header) + GOOD[33:]
    with pytest.raises(ImageError, match="--max-pixels of kukkiri upscale"):
        open_image(data)


def test_every_option_that_a_message_names_exists(tmp_path):
    (tmp_path / "a.png").write_bytes(GOOD)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "kukkiri",
            "upscale",
            "a.png",
            "-o",
            "r.png",
            "--model",
            "nearest",
            "--max-pixels",
            "2399",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    remedy = "Raise it if the file can be trusted: --max-pixels."
    assert f"60x40 pixels exceed the limit of 2399. {remedy}\n" in done.stderr
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "kukkiri",
            "upscale",
            "a.png",
            "-o",
            "r.png",
            "--model",
            "nearest",
            "--max-pixels",
            "2400",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, (tmp_path / "r.png").exists()) == (0, True)


@pytest.mark.parametrize("form", [["--json"], ["--json-lines"], ["--dry-run"]])
def test_the_limit_of_pixels_is_an_option_of_the_command_and_not_of_python(form, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(GOOD)
    (tmp_path / "b.png").write_bytes(GOOD[:33] + bytes(70_000_000))  # larger than any image of so many pixels
    options = ["-o", str(tmp_path / "out"), "--model", "nearest", "--max-pixels", "2399", *form]
    assert run(["upscale", str(tmp_path), *options]) == 1
    said = "".join(capsys.readouterr())
    assert said.count("--max-pixels.") >= 2
    assert "Python" not in said
    assert "of kukkiri upscale" not in said


def test_another_command_names_the_command_that_has_the_option(tmp_path, capsys):
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(GOOD[:8] + chunk(b"IHDR", header) + GOOD[33:])
    assert run(["degrade", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "-s", "2"]) == 1
    said = capsys.readouterr().err
    assert "--max-pixels of kukkiri upscale." in said
    assert "Python" not in said


def test_log_lines_are_escaped():
    record = logging.LogRecord("kukkiri", logging.WARNING, "file", 1, "%s cannot be written", (EVIL,), None)
    line = LineFormatter("kukkiri: %(message)s").format(record)
    assert line == f"kukkiri: {make_printable(EVIL)} cannot be written"
