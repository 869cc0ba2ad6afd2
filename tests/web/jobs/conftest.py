"""A store of jobs in a folder of its own, images to submit, and a way to do all that waits in this process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kukkiri.images import Image
from kukkiri.web.jobs.admission import Admissions, UpscalerCache
from kukkiri.web.jobs.job import Job, JobOptions
from kukkiri.web.jobs.presence import Presence
from kukkiri.web.jobs.runner import do_work
from kukkiri.web.jobs.store import JobStore
from kukkiri.web.jobs.work_queue import Work, WorkQueue
from kukkiri.web.limits import Limits
from kukkiri.web.settings import ServerSettings


@dataclass
class Room:
    """A store, its queue, and one worker that works in this process."""

    settings: ServerSettings
    store: JobStore
    queue: WorkQueue
    worker: Presence

    def submit(self, seed: int = 0, *, client: str = "ann", name: str = "photo.png", **options: Any) -> Job:
        """Submit a noise image of 6x8 pixels, doubled by bicubic interpolation unless options say otherwise."""
        return self.submit_image(make_image(seed), client=client, name=name, **options)

    def submit_image(self, image: Image, *, client: str = "ann", name: str = "photo.png", **options: Any) -> Job:
        path = self.store.incoming_path()
        image.save(path.with_suffix(".png"))
        path.with_suffix(".png").rename(path)
        chosen = JobOptions.from_json({"model": "bicubic", "scale": 2, **options})
        admission = Admissions(self.settings).inspect(path, chosen, name=name)
        return self.store.submit(path, name=name, options=chosen, client=client, admission=admission)

    def claim(self) -> Work | None:
        return self.queue.claim(self.worker.name, pool=self.worker.name)

    def do(self, work: Work) -> None:
        folder = self.store.folder.temporary
        do_work(
            self.queue,
            work,
            UpscalerCache(threads=1, workers=1),
            folder,
            settings=self.settings,
            stop=lambda: False,
        )

    def do_all(self) -> list[int]:
        """Do all that waits; the numbers of the works in their order."""
        done = []
        while work := self.claim():
            self.do(work)
            done.append(work.number)
        return done

    def state(self, job: Job) -> str:
        found = self.store.get(job.id)
        return "unknown" if found is None else found.state

    def files(self) -> dict[str, list[str]]:
        folder = self.settings.folder
        return {name: sorted(path.name for path in (folder / name).iterdir()) for name in ("uploads", "results")}


def make_image(seed: int, *, size: tuple[int, int] = (6, 8)) -> Image:
    samples = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.from_array(samples)


@pytest.fixture
def open_room(tmp_path: Path) -> Iterator[Callable[..., Room]]:
    """Open the folder of this test with some limits; several rooms share it, as processes do."""
    rooms: list[Room] = []

    def make(*, workers: int = 1, **limits: Any) -> Room:
        settings = ServerSettings(folder=tmp_path / "server", workers=workers, threads=1, limits=Limits(**limits))
        store = JobStore(settings)
        queue = WorkQueue(store.folder, memory=settings.limits.memory_bytes)
        rooms.append(Room(settings, store, queue, Presence(store.folder.locks, kind="worker")))
        return rooms[-1]

    yield make
    for room in rooms:
        room.worker.end()
        room.store.close()


@pytest.fixture
def room(open_room: Callable[..., Room]) -> Room:
    return open_room()
