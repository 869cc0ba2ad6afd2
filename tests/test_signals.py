import os
import signal
import subprocess
import sys
import threading

import pytest

from kukkiri.signals import Interrupted, raise_on_signals


def send_and_wait(number):
    os.kill(os.getpid(), number)
    signal.pause()  # the handler runs before this returns


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_becomes_an_exception_with_its_number(number):
    before = signal.getsignal(number)
    with raise_on_signals(), pytest.raises(Interrupted) as caught:
        send_and_wait(number)
    assert caught.value.signal == number
    assert isinstance(caught.value, KeyboardInterrupt)
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_ignored():
    code = (
        "import os, signal; from kukkiri.signals import raise_on_signals\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with raise_on_signals():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "alive\n"


def test_other_threads_change_nothing():
    seen = []

    def work():
        before = signal.getsignal(signal.SIGTERM)
        with raise_on_signals():
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
