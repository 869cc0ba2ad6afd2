import threading
import time

import pytest

from kukkiri.errors import ConfigError
from kukkiri.video.pipeline import AHEAD, Stopped, run_in_order


def run(items, work, *, workers=3, finish=lambda item, part: part):
    """Results of ``work(item, check)`` in worker threads."""
    return run_in_order(items, lambda item, check: lambda: work(item, check), finish, workers=workers)


def is_quiet():
    """True when no worker is left."""
    return not any(thread.name.startswith("kukkiri-video") for thread in threading.enumerate())


def test_results_are_in_order_whatever_takes_long():
    def work(item, check):
        time.sleep(0.02 if item % 3 == 0 else 0.001)
        return item * item

    assert list(run(range(20), work)) == [item * item for item in range(20)]
    assert is_quiet()


def test_items_are_read_only_a_few_before_the_result_that_is_handed_out():
    read = []

    def items():
        for item in range(30):
            read.append(item)
            yield item

    for done, _ in enumerate(run(items(), lambda item, check: item, workers=2)):
        assert len(read) <= done + 2 + AHEAD


def test_parts_are_finished_in_the_thread_of_the_caller():
    threads = set()
    results = list(
        run(range(5), lambda item, check: threading.get_ident(), finish=lambda item, part: threads.add(part) or item)
    )
    assert results == list(range(5))
    assert threading.get_ident() not in threads


def test_an_error_of_the_source_comes_after_the_results_before_it():
    def items():
        yield 1
        yield 2
        raise OSError("the disk is gone")

    results = run(items(), lambda item, check: item)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)
    assert is_quiet()


def test_an_error_of_a_worker_comes_in_its_place():
    def work(item, check):
        if item == 3:
            raise ValueError("no such network")
        return item

    results = run(range(9), work)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no such network"):
        next(results)
    assert is_quiet()


def test_closing_ends_the_threads_between_two_tiles_and_closes_the_source():
    closed, stopped = [], threading.Event()

    def items():
        try:
            yield from range(100)
        finally:
            closed.append(True)

    def work(item, check):
        try:
            while item > 0:
                time.sleep(0.01)
                check()
        except Stopped:
            stopped.set()
            raise
        return item

    results = run(items(), work)
    assert next(results) == 0
    begun = time.monotonic()
    results.close()
    assert time.monotonic() - begun < 2
    assert closed == [True]
    assert stopped.is_set()
    assert is_quiet()


def test_ctrl_c_ends_the_threads():
    def items():
        yield 0
        raise KeyboardInterrupt

    results = run(items(), lambda item, check: time.sleep(0.01))
    with pytest.raises(KeyboardInterrupt):
        list(results)
    assert is_quiet()


def test_there_must_be_a_worker():
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        list(run([], lambda item, check: item, workers=0))
