"""Rows written a moment later: in order, in batches, never without end, and before an orderly end of the process."""

import subprocess
import sys
import threading

from cds_service import recording
from cds_service.recording import Recorder


def test_what_was_added_is_written_once_settled():
    written: list[list[int]] = []
    recorder = Recorder(written.append)
    assert recorder.add([1, 2])
    assert recorder.add([3])
    recorder.settle()
    assert [row for batch in written for row in batch] == [1, 2, 3]


def test_rows_that_come_while_one_batch_is_written_are_the_next():
    """1 is being written when 2 and 3 come: two batches, not three."""
    begun, go_on = threading.Event(), threading.Event()
    written: list[list[int]] = []

    def write(rows: list[int]) -> None:
        begun.set()
        go_on.wait(5)
        written.append(rows)

    recorder = Recorder(write)
    recorder.add([1])
    assert begun.wait(5)
    recorder.add([2])
    recorder.add([3])
    go_on.set()
    recorder.settle()
    assert written == [[1], [2, 3]]


def test_who_settles_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(recording, "_SETTLE_S", 0.01)
    go_on = threading.Event()
    recorder = Recorder(lambda _: go_on.wait(5))
    recorder.add([1])
    recorder.settle()
    assert not go_on.is_set()
    go_on.set()


def test_more_than_may_wait_is_not_taken(monkeypatch):
    monkeypatch.setattr(recording, "MOST", 3)
    begun, go_on = threading.Event(), threading.Event()
    written: list[int] = []

    def write(rows: list[int]) -> None:
        begun.set()
        go_on.wait(5)
        written.extend(rows)

    recorder = Recorder(write)
    recorder.add([0])
    assert begun.wait(5)
    assert recorder.add([1, 2])
    assert not recorder.add([3, 4])  # 2 + 2 > 3
    assert recorder.add([5])  # 2 + 1 = 3
    go_on.set()
    recorder.settle()
    assert written == [0, 1, 2, 5]


def test_a_thread_that_has_ended_starts_again():
    written: list[list[int]] = []
    recorder = Recorder(written.append)
    for number in range(3):
        recorder.add([number])
        recorder.settle()
    assert written == [[0], [1], [2]]


def test_what_waits_is_written_before_the_process_ends():
    """gunicorn ends a worker with sys.exit: nothing that was shown is lost."""
    script = "from cds_service.recording import Recorder; import sys; Recorder(print).add([1, 2]); sys.exit(0)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout == "[1, 2]\n"
