"""Animations, pages and comics through a run over files."""

import io
import zipfile
from functools import partial

import numpy as np
import PIL.Image
import pytest

from kukkiri.errors import ImageError
from kukkiri.inference import FileJob, FolderRun, Upscaler
from kukkiri.inference.comics import upscale_comic
from kukkiri.inference.previews import Previewer
from tests.images.test_sequences import SAVED, save, sprites, write_pages

NEAREST = partial(Upscaler, "nearest", scale=2)


def run(*inputs, **options):
    return list(FolderRun(NEAREST, [str(path) for path in inputs], **options))


def frames_of(path) -> list[np.ndarray]:
    with PIL.Image.open(path) as opened:
        count = opened.n_frames
        frames = []
        for number in range(count):
            opened.seek(number)
            frames.append(np.asarray(opened.convert("RGBA")))
    return frames


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_an_animation_stays_one_with_every_frame(tmp_path, name):
    save(tmp_path / name, sprites(), **SAVED[name])
    (result,) = run(tmp_path / name)
    assert (result.error, result.job.target.name) == ("", f"a-x2.{name[2:]}")
    assert (result.input_size, result.output_size) == ((30, 40), (60, 80))
    for frame, source in zip(frames_of(result.job.target), sprites(), strict=True):
        expected = np.asarray(source).repeat(2, 0).repeat(2, 1)
        assert np.array_equal(frame[..., 3], expected[..., 3])
        visible = expected[..., 3:] > 0
        assert np.abs((frame.astype(int) - expected) * visible).max() <= 1


def test_a_repeated_frame_is_computed_once(tmp_path, monkeypatch):
    frames = sprites(3)
    frames = [frames[0], frames[0].copy(), frames[1], frames[2], frames[2].copy()]
    save(tmp_path / "a.webp", frames, duration=[10, 20, 30, 40, 50], lossless=True, minimize_size=False)
    calls = []
    original = Upscaler.__call__

    def count(self, image, **keywords):
        calls.append(image)
        return original(self, image, **keywords)

    monkeypatch.setattr(Upscaler, "__call__", count)
    (result,) = run(tmp_path / "a.webp", output=tmp_path / "b.png")
    assert result.error == ""
    shown = len(frames_of(tmp_path / "a.webp"))  # encoders join equal frames
    assert len(calls) == 3
    assert (f"so that 3 of {shown} were computed" in " ".join(result.notes)) == (shown > 3)
    assert len(frames_of(tmp_path / "b.png")) == shown


def test_an_animation_that_becomes_a_still_keeps_its_first_frame_with_a_note(tmp_path):
    save(tmp_path / "a.gif", sprites(), **SAVED["a.gif"])
    (result,) = run(tmp_path / "a.gif", output=tmp_path / "b.tif")
    assert any("only the first of 6 frames is in the result: --page" in note for note in result.notes)
    assert np.asarray(PIL.Image.open(tmp_path / "b.tif"))[20, 10].tolist() == [220, 0, 30, 255]
    (result,) = run(tmp_path / "a.gif", output=tmp_path / "c.png", page=4)
    assert result.error == ""
    assert frames_of(tmp_path / "c.png")[0][20, 40].tolist() == [220, 120, 30, 255]
    (result,) = run(tmp_path / "a.gif", output=tmp_path / "d.png", page=9)
    assert "there is no page 9" in result.error


def test_pages_stay_pages(tmp_path):
    pages = write_pages(tmp_path / "a.tif")
    reports = []
    (result,) = run(tmp_path / "a.tif", progress=lambda each: reports.append((each.done, each.total)))
    assert (result.error, result.job.target.name) == ("", "a-x2.tif")
    with PIL.Image.open(result.job.target) as opened:
        assert opened.n_frames == 3
        opened.seek(2)
        assert np.array_equal(np.asarray(opened), pages[2].repeat(2, 0).repeat(2, 1))
    assert reports[-1] == (3, 3)


def test_light_above_white_survives(tmp_path):
    light = (np.random.default_rng(0).random((8, 9, 3)) * 30).astype(np.float32)
    (tmp_path / "a.pfm").write_bytes(b"PF\n9 8\n-1.0\n" + light[::-1].astype("<f4").tobytes())
    (result,) = run(tmp_path / "a.pfm", output=tmp_path / "b.pfm")
    back = np.frombuffer((tmp_path / "b.pfm").read_bytes()[-18 * 16 * 12 :], "<f4").reshape(16, 18, 3)[::-1]
    assert np.allclose(back, light.repeat(2, 0).repeat(2, 1), rtol=1e-5)
    assert result.notes == ()


# Comics -------------------------------------------------------------------------------------------------------------

INFO = b'<?xml version="1.0"?><ComicInfo><Title>T</Title><Pages><Page Image="0" ImageWidth="20"/></Pages></ComicInfo>'


def page(form: str, shade: int) -> bytes:
    stream = io.BytesIO()
    PIL.Image.new("RGB", (20, 30), (shade, shade, shade)).save(
        stream, form, **({"quality": 80} if form == "JPEG" else {})
    )
    return stream.getvalue()


@pytest.fixture
def comic(tmp_path):
    path = tmp_path / "in" / "a.cbz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.comment = b"a comment"
        file.writestr("ch 2/p2.jpg", page("JPEG", 200))
        file.writestr("ch 1/", b"")
        file.writestr("ch 1/p1.png", page("PNG", 50))
        file.writestr("ch 1/p3.gif", page("GIF", 90))
        file.writestr("ComicInfo.xml", INFO)
        file.writestr("__MACOSX/._p1.png", b"no image")
        file.writestr("notes.txt", b"text")
    return path


def test_a_comic_keeps_names_order_and_other_files(comic):
    (result,) = run(comic)
    assert (result.error, result.job.target.name, result.output_size) == ("", "a-x2.cbz", (60, 40))
    with zipfile.ZipFile(result.job.target) as file:
        assert file.testzip() is None
        assert file.comment == b"a comment"
        names = [
            "ch 2/p2.jpg",
            "ch 1/",
            "ch 1/p1.png",
            "ch 1/p3.png",
            "ComicInfo.xml",
            "__MACOSX/._p1.png",
            "notes.txt",
        ]
        assert file.namelist() == names
        assert file.read("notes.txt") == b"text"
        assert file.read("ComicInfo.xml") == INFO.replace(b' ImageWidth="20"', b"")
        for name, shade in (("ch 2/p2.jpg", 200), ("ch 1/p1.png", 50), ("ch 1/p3.png", 90)):
            with PIL.Image.open(io.BytesIO(file.read(name))) as opened:
                assert opened.size == (40, 60)
                assert np.abs(np.asarray(opened.convert("L")).astype(int) - shade).max() <= 1
    assert sorted(path.name for path in comic.parent.iterdir()) == ["a-x2.cbz", "a.cbz"]


def test_pages_take_another_format_and_the_archive_keeps_its_own(comic, tmp_path):
    (result,) = run(comic.parent, output=tmp_path / "out", suffix=".webp")
    assert result.job.target == tmp_path / "out" / "a.cbz"
    with zipfile.ZipFile(result.job.target) as file:
        assert [name for name in file.namelist() if name.endswith(".webp")] == [
            "ch 2/p2.webp", "ch 1/p1.webp", "ch 1/p3.webp",
        ]  # fmt: skip
        assert file.read("ch 1/p1.webp")[8:12] == b"WEBP"


def test_an_interrupted_comic_goes_on_with_the_page_that_was_missing(comic, tmp_path):
    class StopError(BaseException):
        pass

    def stop(done, total):
        if done > total / 3:
            raise StopError

    target = tmp_path / "b.cbz"
    with pytest.raises(StopError):
        upscale_comic(NEAREST(), comic, target, progress=stop)
    assert not target.exists()
    assert len(list((tmp_path / ".b.cbz.pages").iterdir())) == 2
    done = upscale_comic(NEAREST(), comic, target, resume=True)
    assert "2 of 3 pages were there from an interrupted run" in done.notes
    assert not (tmp_path / ".b.cbz.pages").exists()
    again = upscale_comic(NEAREST(), comic, tmp_path / "c.cbz")
    assert target.read_bytes() == (tmp_path / "c.cbz").read_bytes()
    assert (done.input_size, done.output_size, done.pages) == (again.input_size, again.output_size, again.pages)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"filename": "../evil.png"}, "leads out of the archive"),
        ({"filename": "/etc/evil.png"}, "leads out of the archive"),
        ({"filename": "C:\\evil.png"}, "leads out of the archive"),
        ({"compress_type": zipfile.ZIP_LZMA}, "packed by method 14"),
    ],
)
def test_a_dangerous_or_strange_archive_is_refused(tmp_path, change, words):
    info = zipfile.ZipInfo("a.png")
    for key, value in change.items():
        setattr(info, key, value)
    with zipfile.ZipFile(tmp_path / "a.cbz", "w") as file:
        file.writestr(info, page("PNG", 1))
    (result,) = run(tmp_path / "a.cbz")
    assert words in result.error
    assert len(result.error.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.cbz"]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, comic):
    with zipfile.ZipFile(tmp_path / "bomb.cbz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", bytes(2**27))
    with pytest.raises(ImageError, match=r"a\.png in it is longer than .* bytes unpacked.*--max-pixels"):
        upscale_comic(NEAREST(), tmp_path / "bomb.cbz", tmp_path / "b.cbz", pixel_limit=2**20)
    with zipfile.ZipFile(tmp_path / "many.cbz", "w") as file:
        for number in range(10_001):
            file.writestr(f"{number}.png", b"")
    with pytest.raises(ImageError, match="at most 10000 files"):
        upscale_comic(NEAREST(), tmp_path / "many.cbz", tmp_path / "b.cbz")


def test_damage_in_a_comic_names_the_page_and_writes_nothing(comic, tmp_path):
    data = bytearray(comic.read_bytes())
    with zipfile.ZipFile(comic) as file:
        place = file.getinfo("ch 1/p1.png").header_offset
    data[place + 60] ^= 0xFF
    (tmp_path / "bad.cbz").write_bytes(data)
    (result,) = run(tmp_path / "bad.cbz", output=tmp_path / "b.cbz")
    assert "ch 1/p1.png" in result.error
    assert not (tmp_path / "b.cbz").exists()
    (tmp_path / "no.cbz").write_bytes(b"Rar!\x1a\x07\x00 no zip")
    (result,) = run(tmp_path / "no.cbz")
    assert "is no ZIP archive" in result.error
    (result,) = run(comic, output=comic)
    assert "is the input itself" in result.error


def test_results_of_comics_and_animations_are_no_sources(tmp_path, comic):
    save(comic.parent / "b.gif", sprites(), **SAVED["a.gif"])
    first = run(comic.parent)
    assert [result.error for result in first] == ["", ""]
    again = FolderRun(NEAREST, [str(comic.parent)], resume=True)
    assert all(result.skipped for result in again)
    assert len(again.jobs) == 2


def test_sizes_and_previews_are_known_for_files_of_several_images(tmp_path, comic):
    write_pages(tmp_path / "b.tif")
    save(tmp_path / "c.gif", sprites(), **SAVED["a.gif"])
    for path, size in ((comic, (60, 40)), (tmp_path / "b.tif", (40, 60)), (tmp_path / "c.gif", (60, 80))):
        preview = Previewer(NEAREST()).preview(FileJob(path, path))
        assert (preview.error, preview.output_size) == ("", size)
    sized = FolderRun(partial(Upscaler, "nearest", width=80), [str(comic)])
    assert [job.target.name for job in sized.jobs] == ["a-80x120.cbz"]
    (result,) = sized
    assert (result.error, result.output_size) == ("", (120, 80))


def test_a_damaged_page_is_tried_once_and_a_lack_of_memory_is_told_apart(comic, tmp_path, monkeypatch):
    save(tmp_path / "c.gif", sprites(), **SAVED["a.gif"])
    tried = []
    original = upscale_comic

    def count(*arguments, **keywords):
        tried.append(arguments)
        return original(*arguments, **keywords)

    monkeypatch.setattr("kukkiri.inference.job_worker.upscale_comic", count)
    with zipfile.ZipFile(comic, "a") as file:
        file.writestr("z.png", page("PNG", 9)[:40])
    results = run(comic, tmp_path / "c.gif", output=tmp_path / "out")
    assert sorted(bool(result.error) for result in results) == [False, True]
    assert len(tried) == 1
    little = partial(Upscaler, "fast", scale=2, memory=1)
    (result,) = FolderRun(little, [str(tmp_path / "c.gif")], output=tmp_path / "out2")
    assert result.out_of_memory
