"""Clips as jobs: frames as progress, and a killed worker's clip that is gone on with."""

import shutil

import pytest

from kukkiri.errors import ConfigError
from kukkiri.web.jobs.admission import Admissions, TooLargeError
from kukkiri.web.jobs.job import JobOptions
from kukkiri.web.jobs.keeping import sweep
from kukkiri.web.limits import Limits
from kukkiri.web.settings import ServerSettings
from tests.video.clips import make_clip, needs_ffmpeg
from tests.web.jobs.test_crashes import run_worker

pytest.importorskip("av")
pytestmark = needs_ffmpeg
TWICE = JobOptions(model="bicubic", scale=2)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return make_clip("plain.mp4", tmp_path_factory.mktemp("clips"))


def submit(room, film, *, name="film.mp4"):
    path = room.store.incoming_path()
    shutil.copyfile(film, path)
    admission = Admissions(room.settings).inspect(path, TWICE, name=name)
    return room.store.submit(path, name=name, options=TWICE, client="ann", admission=admission)


def read_sizes(path):
    import av

    with av.open(path) as clip:
        return [(frame.height, frame.width) for frame in clip.decode(video=0)]


def test_a_clip_becomes_a_clip_and_its_progress_is_in_frames(room, film):
    job = submit(room, film)
    assert (job.width, job.height) == (64, 48)
    room.do_all()
    done = room.store.get(job.id)
    assert done.error is None
    assert (done.result.media_type, done.result.file_name) == ("video/mp4", "film-x2.mp4")
    frames = len(read_sizes(film))
    assert (done.done, done.total) == (frames, frames)
    assert read_sizes(room.store.result_path(job.id)) == [(96, 128)] * frames
    sweep(room.store.folder, room.settings.limits)
    assert list(room.store.folder.parts.iterdir()) == []


def test_a_clip_of_a_killed_worker_is_done_by_the_next_one(room, film):
    job = submit(room, film)
    run_worker(room, "tell = runner.Watch.tell\nrunner.Watch.tell = lambda w, p: die() if p.done > 9 else tell(w, p)")
    assert room.queue.requeue_dead() == 1
    sweep(room.store.folder, room.settings.limits)
    assert [path.name for path in room.store.folder.parts.iterdir()] == ["1"]  # what was done is kept
    room.do_all()
    done = room.store.get(job.id)
    assert (done.state, done.attempts) == ("done", 2)
    assert len(read_sizes(room.store.result_path(job.id))) == len(read_sizes(film))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "png"}, "a clip cannot be written as png. Use same, or one of m4v, mkv, mov, mp4, webm."),
        ({"quality": 90}, "quality cannot be given for a clip, only for an image. Leave it out."),
    ],
)
def test_options_that_mean_nothing_for_a_clip_are_refused(room, film, options, words):
    with pytest.raises(ConfigError) as caught:
        Admissions(room.settings).inspect(film, JobOptions(model="bicubic", scale=2, **options), name="film.mp4")
    assert str(caught.value) == words


def test_frames_of_a_clip_have_their_limits(tmp_path, film):
    settings = ServerSettings(folder=tmp_path, limits=Limits(max_output_megapixels=0.01))
    with pytest.raises(TooLargeError, match=r"film\.mp4: a frame of its result has 128x96 pixels, 0\.0 megapixels"):
        Admissions(settings).inspect(film, TWICE, name="film.mp4")
