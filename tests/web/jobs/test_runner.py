"""Work through the path of the command line: notes, metadata, formats, cancelling, the time limit, errors in words."""

import threading
from dataclasses import replace

import pytest

from kukkiri.images import Image, Metadata, read_image
from kukkiri.web.jobs import runner
from kukkiri.web.jobs.admission import Admissions, UpscalerCache
from kukkiri.web.jobs.job import JobOptions, Kept
from kukkiri.web.jobs.runner import do_work
from kukkiri.web.limits import Limits
from tests.web.jobs.conftest import make_image


def finished(room, **options):
    job = room.submit_image(options.pop("image", make_image(0)), **options)
    room.do_all()
    return room.store.get(job.id)


def test_the_format_that_was_asked_for_is_written_with_its_notes(room):
    image = make_image(0)
    with_alpha = type(image)(colour=image.colour, alpha=image.colour[:, :, 0].copy())
    job = finished(room, image=with_alpha, format="jpg", quality=90, name="leaf.png")
    assert (job.result.media_type, job.result.file_name) == ("image/jpeg", "leaf-x2.jpg")
    assert job.result.kept == Kept(alpha=False, depth=8, input_depth=8)
    assert any("JPEG" in note for note in job.result.notes)
    assert room.store.result_path(job.id).read_bytes()[:3] == b"\xff\xd8\xff"


def test_what_the_input_held_is_kept_or_stripped(room, tmp_path):
    image = make_image(0)
    exif = b"II*\0\x08\0\0\0\x01\0\x3b\x01\x02\0\x04\0\0\0ann\0\0\0\0\0"  # artist: ann
    image = type(image)(colour=image.colour, metadata=Metadata(exif=exif), depth=16)
    kept, stripped = finished(room, image=image), finished(room, image=image, metadata="strip")
    assert kept.result.kept == Kept(exif=True, depth=16, input_depth=16)
    assert stripped.result.kept == Kept(exif=False, depth=16, input_depth=16)
    assert read_image(room.store.result_path(kept.id)).depth == 16


def test_a_size_names_the_result(room):
    job = finished(room, scale=None, width=20)
    assert (job.result.width, job.result.height, job.result.file_name) == (20, 15, "photo-20x15.png")


def test_an_image_that_is_damaged_behind_its_header_fails_under_the_name_of_the_client(room):
    job = room.submit_image(make_image(0, size=(80, 80)), name="torn.png")
    stored = room.store.input_path(job.id)
    stored.write_bytes(stored.read_bytes()[:9000])
    room.do_all()
    failed = room.store.get(job.id)
    assert (failed.state, failed.error.status) == ("failed", 422)
    assert failed.error.what.startswith("torn.png: this PNG is truncated or corrupt")
    assert failed.error.remedy == "Get the file again."
    assert room.files()["results"] == []


def test_an_error_inside_fails_the_job_and_not_the_worker(room, monkeypatch, caplog):
    def burst(*_, **__):
        raise ZeroDivisionError("secret")

    job = room.submit()
    monkeypatch.setattr(runner, "FolderRun", burst)
    room.do_all()
    failed = room.store.get(job.id)
    assert (failed.state, failed.error.status, failed.error.what) == (
        "failed",
        500,
        "an error inside of kukkiri ended the work.",
    )
    assert "ZeroDivisionError: secret" in caplog.text


@pytest.fixture
def large(room):
    """A job of a dozen tiles, claimed, and a way to begin it in a thread."""
    job = room.submit_image(make_image(0, size=(1500, 2000)), model="espcn", scale=2)
    work = room.claim()

    def begin(*, seconds=0.0, stop=lambda: False):
        settings = replace(room.settings, limits=Limits(job_seconds=seconds))
        upscalers = UpscalerCache(threads=1, workers=1)
        folder = room.store.folder.temporary
        thread = threading.Thread(
            target=do_work, args=(room.queue, work, upscalers, folder), kwargs={"settings": settings, "stop": stop}
        )
        thread.start()
        return thread

    return job, begin


def test_cancelled_between_two_tiles(room, large):
    job, begin = large
    thread = begin()
    seen = room.store.get(job.id)
    while not seen.done:
        seen = room.store.wait(job.id, since=seen.revision, timeout=30)
    assert 0 < seen.done < seen.total
    room.store.cancel(job.id)
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert (room.state(job), room.files()["results"]) == ("cancelled", [])
    work = room.store.folder.read("SELECT state, done, total FROM works")[0]
    assert work["state"] == "cancelled"
    assert work["done"] < work["total"]


def test_a_job_has_a_limit_of_time(room, large):
    job, begin = large
    begin(seconds=0.3).join(timeout=30)
    failed = room.store.get(job.id)
    assert (failed.state, failed.error.status) == ("failed", 504)
    assert failed.error.what == "the work took longer than 0.3 s, the limit for one job (--job-seconds)."


def test_work_is_given_back_when_the_process_has_to_end(room, large):
    job, begin = large
    begin(stop=lambda: True).join(timeout=30)
    waiting = room.store.get(job.id)
    assert (waiting.state, waiting.position, waiting.attempts) == ("queued", 1, 0)


def test_a_quality_that_a_format_does_not_have_is_noted(room):
    lossless, lossy = room.submit(quality=50), room.submit(quality=50, format="webp")
    room.do_all()
    assert room.store.get(lossless.id).result.notes == ("quality means nothing for .png, and was not used",)
    assert room.store.get(lossy.id).result.notes == ()


@pytest.mark.parametrize(("colours", "suffix"), [(1, ".pgm"), (3, ".ppm")])
def test_a_pixmap_is_named_by_its_colours(room, colours, suffix):
    image = make_image(0)
    samples = image.to_array()
    path = room.store.incoming_path()
    written = path.with_suffix(suffix)
    Image.from_array(samples if colours == 3 else samples[..., 0]).save(written)
    written.rename(path)
    options = JobOptions(model="bicubic", scale=2)
    admission = Admissions(room.settings).inspect(path, options)
    job = room.store.submit(path, name=f"a{suffix}", options=options, client="ann", admission=admission)
    room.do_all()
    assert room.store.get(job.id).result.file_name == f"a-x2{suffix}"


def test_a_profile_that_came_with_the_conversion_of_cmyk_is_not_said_to_be_kept(room):
    pil = pytest.importorskip("PIL.Image", reason="needs Pillow")
    path = room.store.incoming_path()
    pil.new("CMYK", (8, 6), (10, 90, 30, 0)).save(path, "JPEG")
    options = JobOptions(model="bicubic", scale=2)
    job = room.store.submit(
        path, name="a.jpg", options=options, client="ann", admission=Admissions(room.settings).inspect(path, options)
    )
    room.do_all()
    done = room.store.get(job.id).result
    assert done.kept.profile is None
    assert "CMYK has no usable profile" in done.notes[0]
