"""The watch over Ray's head, with a socket in its place: it ends once the head is gone, and else never."""

import socket
import subprocess
import sys
import threading

import pytest

from kukkiri.cluster.head_watch import HeadWatch


@pytest.fixture
def head():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address_of(server):
    return "{}:{}".format(*server.getsockname())


def test_a_head_that_is_gone_ends_the_run_in_words_once(head):
    lines, ended = [], threading.Event()

    def end(line):
        lines.append(line)
        ended.set()

    with HeadWatch(address_of(head), patience=0.2, between=0.02, end=end):
        assert not ended.wait(0.4)  # it is there
        head.close()
        assert ended.wait(10)
    assert lines == ["Ray's head has been out of reach for 0.2 s. Go on with --resume."]


def test_a_head_that_was_never_reached_is_not_watched(head):
    address = address_of(head)
    head.close()
    ended = threading.Event()
    for place in (address, "", "head", "head:ray"):
        with HeadWatch(place, patience=0.05, between=0.01, end=lambda _: ended.set()):
            assert not ended.wait(0.1)


def test_nothing_is_told_after_the_run(head):
    ended = threading.Event()
    with HeadWatch(address_of(head), patience=0.05, between=0.01, end=lambda _: ended.set()):
        pass
    head.close()
    assert not ended.wait(0.2)


def test_the_process_ends_with_one_line_and_code_1():
    code = """
import socket, time
from kukkiri.cluster.head_watch import HeadWatch
server = socket.create_server(("127.0.0.1", 0))
with HeadWatch("127.0.0.1:%d" % server.getsockname()[1], patience=0.1, between=0.02):
    server.close()
    time.sleep(60)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Ray's head has been out of reach for 0.1 s. Go on with --resume.\n"
