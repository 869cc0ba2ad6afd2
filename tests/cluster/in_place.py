"""An executor of this process, in place of a cluster's."""

import pickle

from kukkiri.cluster.blocks import do_rows, split_into_blocks
from kukkiri.cluster.remote_worker import RemoteSettings, RemoteWorker


class InPlace:
    """Runs the rows of a cluster engine in this process, the last block first; each outcome is pickled on its way."""

    def __init__(self, *, fails_after=None):
        self.entered, self.jobs, self._fails_after = 0, [], fails_after

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *_):
        self.entered -= 1

    def execute(self, settings, jobs):
        assert self.entered == 1
        self.jobs += jobs
        worker = RemoteWorker(pickle.loads(pickle.dumps(RemoteSettings.here(settings))))
        for number, block in enumerate(reversed(split_into_blocks(jobs, workers=1))):
            if number == self._fails_after:
                raise KeyboardInterrupt
            rows = [(index, pickle.dumps(jobs[index])) for index in block]
            yield from map(pickle.loads, do_rows(worker, rows, None))
