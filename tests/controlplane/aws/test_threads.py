"""Threads for AWS: bounded, with results and errors handed over, and no end of a process held up."""

import subprocess
import sys
import threading
import time

import pytest

from controlplane.aws.threads import Threads


def test_results_and_errors_are_handed_over():
    threads = Threads(2, "test")
    assert threads.submit(lambda word, times: word * times, "a", times=3).result(5) == "aaa"
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 / 0).result(5)


def test_so_many_run_at_once_and_what_was_called_off_before_does_not_run():
    threads, going, begun = Threads(1, "test"), threading.Event(), threading.Event()
    first = threads.submit(lambda: begun.set() or going.wait(5))
    begun.wait(5)
    ran = []
    second = threads.submit(ran.append, 1)
    assert second.cancel()
    going.set()
    assert first.result(5)
    assert threads.submit(lambda: 7).result(5) == 7
    assert ran == []


def test_a_process_that_ends_does_not_wait_for_a_call():
    code = "from controlplane.aws.threads import Threads; import time; Threads(1, 'x').submit(time.sleep, 60)"
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    assert time.monotonic() - began < 20
