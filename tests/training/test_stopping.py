import os
import signal

import pytest

from kukkiri.signals import Interrupted
from kukkiri.training.stopping import StopRequest


def send(number):
    os.kill(os.getpid(), number)
    for _ in range(1000):
        pass  # Python runs the handler between two of these


def test_the_first_signal_only_asks():
    stop = StopRequest()
    with stop.listening():
        send(signal.SIGTERM)
        assert (stop.number, stop.forced) == (signal.SIGTERM, False)
    with pytest.raises(Interrupted) as caught:
        stop.raise_()
    assert caught.value.signal == signal.SIGTERM


def test_ctrl_c_stays_a_keyboard_interrupt():
    stop = StopRequest()
    with stop.listening():
        send(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        stop.raise_()
    assert not isinstance(caught.value, Interrupted)


def test_the_second_signal_ends_at_once():
    stop = StopRequest()
    with stop.listening():
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
    assert stop.forced


def test_a_wait_ends_at_once_and_may_be_saved():
    stop = StopRequest()
    with pytest.raises(Interrupted), stop.listening(), stop.waiting():
        send(signal.SIGTERM)
    assert not stop.forced
    with pytest.raises(Interrupted), stop.waiting():
        pytest.fail("a request that came before the wait ends it")


def test_the_handlers_are_restored():
    before = signal.getsignal(signal.SIGINT)
    with StopRequest().listening():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
