"""Connections by which processes notice that another one is gone."""

import socket
import time

import pytest
from torch.distributed import HashStore

from kukkiri.training.lifelines import Lifeline


@pytest.fixture
def pair(monkeypatch):
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    store = HashStore()
    first = Lifeline(store, rank=0, size=2)
    second = Lifeline(store, rank=1, size=2)
    assert wait_until(lambda: len(first._connections) == 1)
    yield first, second
    first.close()
    second.close()


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_goodbye_is_no_loss(pair):
    first, second = pair
    second.close()
    time.sleep(0.1)
    assert not first.is_broken
    first.close()
    time.sleep(0.1)
    assert not second.is_broken


def test_an_end_without_a_goodbye_is_a_loss(pair):
    first, second = pair
    second._connections[0].shutdown(socket.SHUT_RDWR)  # as the system does for a process that dies
    assert wait_until(lambda: first.is_broken)


def test_the_system_asks_for_signs_of_life(pair):
    for lifeline in pair:
        assert lifeline._connections[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_stranger_is_no_process_of_the_run(monkeypatch):
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    store = HashStore()
    first = Lifeline(store, rank=0, size=2)
    port = int(store.get("kukkiri-lifeline").split()[0])
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(b"x" * 16)
        assert stranger.recv(1) == b""  # closed
    second = Lifeline(store, rank=1, size=2)
    assert wait_until(lambda: len(first._connections) == 1)
    assert not first.is_broken
    second.close()
    first.close()
