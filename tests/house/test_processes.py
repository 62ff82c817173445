"""A stop sign: a signal handler may raise it at any moment, also while the same thread waits for it."""

import os
import signal
import threading
import time

import pytest

from app.infra.processes import StopSign


def test_waiting_ends_when_the_time_is_over_or_the_sign_is_up() -> None:
    with StopSign() as sign:
        assert not sign.wait(0.01)
        sign.raise_up()
        assert sign.wait(60)
        assert sign.is_up


@pytest.mark.timeout(60)
def test_a_signal_that_comes_at_any_moment_of_the_waiting_ends_it() -> None:
    """With threading.Event a signal that met the waiting thread inside the event's lock stopped it for good."""
    before = signal.getsignal(signal.SIGUSR1)
    try:
        for _ in range(400):
            with StopSign() as sign:
                signal.signal(signal.SIGUSR1, lambda *_, sign=sign: sign.raise_up())
                sender = threading.Timer(0.002, os.kill, (os.getpid(), signal.SIGUSR1))
                sender.start()
                end = time.monotonic() + 5
                while not sign.wait(0.0001):
                    assert time.monotonic() < end
                sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_several_threads_may_wait_for_one_sign() -> None:
    with StopSign() as sign:
        seen: list[bool] = []
        threads = [threading.Thread(target=lambda: seen.append(sign.wait(30))) for _ in range(3)]
        for thread in threads:
            thread.start()
        sign.raise_up()
        for thread in threads:
            thread.join(10)
    assert seen == [True, True, True]
