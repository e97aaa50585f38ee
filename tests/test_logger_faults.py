"""Kills, full disks, forks, threads and signals: what was acknowledged is never lost, and training goes on."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reportgen import LoggerWarning, capture, logfile, logger
from reportgen.formats import decode_line
from reportgen.logfile import LogFile
from reportgen.logrun import Run
from tests.runlogs import ROOT, _no_runs, read_events, run_script  # noqa: F401 - a fixture for all tests


def start(**arguments: Any) -> Run:
    return logger.start_run(capture=False, **arguments)


def whole_lines(path: Path) -> list[bytes]:
    """Return the lines of a log that hold an event; torn ones are left out, as a reader does."""
    lines = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            json.loads(line)
        except ValueError:
            continue
        lines.append(line + b"\n")
    return lines


# ---- kill -9

KILLS = 100

KILL_SCRIPT = """
import os, random, select, signal, struct, sys
import reportgen as rg
from reportgen.formats import decode_line, FormatError

random.seed(20260921)
acknowledged = lost = torn = 0
for trial in range(int(sys.argv[1])):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        run = rg.start_run(log_dir=f"runs/{trial}", capture=False)
        for i in range(10**9):
            if i % 50 == 7:
                run.log_param(f"p{i}", "x" * (1 << (i // 50 % 17)))
            run.log_metrics({"i": i, "x": 0.1}, step=i)
            os.write(writer, struct.pack("<I", i))
    os.close(writer)
    acks = os.read(reader, 4)
    select.select([], [], [], random.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    while block := os.read(reader, 65536):
        acks += block
    os.close(reader)
    os.waitpid(child, 0)
    last = struct.unpack("<I", acks[len(acks) // 4 * 4 - 4 : len(acks) // 4 * 4])[0]
    (folder,) = (path for path, _, names in os.walk(f"runs/{trial}") if "events.jsonl" in names)
    seen = set()
    for line in open(f"{folder}/events.jsonl", "rb"):
        try:
            event = decode_line(line)
        except FormatError:
            torn += 1
            continue
        if event["event"] == "metrics":
            seen.add(event["step"])
        else:
            seen.update(event.get("params", ()))
    wanted = set(range(last + 1)) | {f"p{i}" for i in range(last + 1) if i % 50 == 7}
    acknowledged += len(wanted)
    lost += len(wanted - seen)
print(acknowledged, lost, torn)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_hundred_kills_lose_no_acknowledged_line(tmp_path: Path) -> None:
    done = run_script(KILL_SCRIPT, str(KILLS), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    acknowledged, lost, _torn = map(int, done.stdout.split())
    assert acknowledged > 10 * KILLS
    assert lost == 0


# ---- every write failing once


def short(write: Callable[[int, bytes], int], fd: int, data: bytes) -> int:
    return write(fd, data[: len(data) // 2])


def raising(number: int) -> Callable[..., int]:
    def fault(write: Callable[[int, bytes], int], fd: int, data: bytes) -> int:
        raise OSError(number, os.strerror(number))

    return fault


def nothing(write: Callable[[int, bytes], int], fd: int, data: bytes) -> int:
    return 0


@contextmanager
def faulty_writes(first: int, fault: Callable[..., int], *, times: int = 1) -> Iterator[list[int]]:
    """Let the writes number `first` … `first + times - 1` to log files fail with `fault`; yields [number of writes]."""
    write, count = os.write, [0]
    logs: set[int] = set()
    open_file = os.open

    def open_and_note(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        fd = open_file(path, flags, *rest, **options)
        (logs.add if str(path).endswith(".jsonl") else logs.discard)(fd)
        return fd

    def maybe_fail(fd: int, data: bytes) -> int:
        if fd not in logs:
            return write(fd, data)
        count[0] += 1
        if first <= count[0] < first + times:
            return fault(write, fd, bytes(data))
        return write(fd, data)

    patch = pytest.MonkeyPatch()
    patch.setattr(os, "write", maybe_fail)
    patch.setattr(os, "open", open_and_note)
    try:
        yield count
    finally:
        patch.undo()


def log_a_little(acknowledged: list[bytes], refused: list[bytes]) -> Run:
    """Log one run with each kind of call and note which lines the log file took."""
    append = LogFile.append

    def noting(self: LogFile, line: bytes) -> bool:
        taken = append(self, line)
        (acknowledged if taken else refused).append(line)
        return taken

    patch = pytest.MonkeyPatch()
    patch.setattr(LogFile, "append", noting)
    try:
        with start(params={"lr": 0.1}, tags={"a": "b"}) as run:
            for step in range(4):
                run.log_metrics({"loss": 1 / (step + 1), "acc": 0.5}, step=step)
            run.log_text("hello", "a.txt")
            run.note("done")
        return run
    finally:
        patch.undo()


def assert_nothing_acknowledged_is_lost(run: Run, acknowledged: list[bytes], refused: list[bytes]) -> None:
    assert run.path is not None
    lines = whole_lines(run.path)
    assert all(line in lines for line in acknowledged)
    events = [decode_line(line) for line in lines]
    assert events[0]["event"] == "start"
    assert sum(event["calls"] for event in events if event["event"] == "lost") == len(refused)


WRITES = 10
"""Writes of `log_a_little` on a healthy disk."""


def test_a_healthy_disk_takes_one_write_a_line() -> None:
    with faulty_writes(0, nothing, times=0) as count:
        run = log_a_little([], [])
    assert count[0] == WRITES == len(read_events(run))


@pytest.mark.parametrize("number", range(1, WRITES + 1))
def test_a_short_write_is_completed(number: int) -> None:
    acknowledged: list[bytes] = []
    refused: list[bytes] = []
    with faulty_writes(number, short):
        run = log_a_little(acknowledged, refused)
    assert refused == []
    assert len(read_events(run)) == WRITES
    assert_nothing_acknowledged_is_lost(run, acknowledged, refused)


@pytest.mark.parametrize("number", range(1, WRITES + 1))
@pytest.mark.parametrize("fault", [raising(errno.ENOSPC), raising(errno.EIO), raising(errno.EFBIG)])
def test_a_write_that_fails_once_costs_that_line_and_one_warning(number: int, fault: Callable[..., int]) -> None:
    acknowledged: list[bytes] = []
    refused: list[bytes] = []
    with faulty_writes(number, fault), pytest.warns(LoggerWarning, match="cannot write") as caught:
        run = log_a_little(acknowledged, refused)
    assert len(caught) == 1
    # The start line is written with the next line, and the end line is tried twice.
    assert len(refused) == (0 if number in {1, WRITES} else 1)
    assert_nothing_acknowledged_is_lost(run, acknowledged, refused)
    assert read_events(run)[-1]["event"] == "end"


def test_a_file_that_takes_no_bytes_is_no_endless_loop() -> None:
    with faulty_writes(4, nothing, times=1000), pytest.warns(LoggerWarning, match="takes no more bytes"):
        run = log_a_little([], [])
    assert len(read_events(run)) == 3


@pytest.mark.parametrize("number", range(1, WRITES + 1))
def test_a_torn_line_is_closed_before_the_next(number: int) -> None:
    def tear(write: Callable[[int, bytes], int], fd: int, data: bytes) -> int:
        if torn:
            raise OSError(errno.ENOSPC, "no space")
        torn.append(data)
        return write(fd, data[: len(data) // 2])

    torn: list[bytes] = []
    acknowledged: list[bytes] = []
    refused: list[bytes] = []
    with faulty_writes(number, tear, times=2), pytest.warns(LoggerWarning) as caught:
        run = log_a_little(acknowledged, refused)
    assert len(caught) == 1
    assert_nothing_acknowledged_is_lost(run, acknowledged, refused)


@pytest.mark.parametrize("number", range(1, WRITES + 1))
def test_a_disk_that_stays_full_loses_only_what_comes_after(number: int) -> None:
    acknowledged: list[bytes] = []
    with faulty_writes(number, raising(errno.ENOSPC), times=1000), pytest.warns(LoggerWarning) as caught:
        run = log_a_little(acknowledged, [])
    assert len(caught) == 1
    assert run.path is not None
    assert whole_lines(run.path)[1:] == acknowledged
    assert len(whole_lines(run.path)) == number - 1


def test_a_full_disk_is_survived_where_warnings_are_errors(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with faulty_writes(3, raising(errno.ENOSPC)):
            run = log_a_little([], [])
    assert [event["calls"] for event in read_events(run, "lost")] == [1]
    assert "No space left on device. The program goes on" in capsys.readouterr().err


def test_a_real_full_device_is_told_when_it_has_space_again() -> None:
    run = start()
    fd = run._file._fd
    assert fd is not None
    healthy, full = os.dup(fd), os.open("/dev/full", os.O_RDWR)
    os.dup2(full, fd)
    with pytest.warns(LoggerWarning, match="No space left on device"):
        for step in range(5):
            run.log_metric("x", 1.0, step=step)
    os.dup2(healthy, fd)
    run.log_metric("x", 1.0, step=5)
    run.end()
    os.close(healthy)
    os.close(full)
    assert read_events(run, "lost") == [{"event": "lost", "calls": 5, "errno": errno.ENOSPC}]
    assert [event["step"] for event in read_events(run, "metrics")] == [5]


LIMIT_SCRIPT = """
import resource, warnings
import reportgen as rg
run = rg.start_run(capture=False)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
for step in range(100):
    run.log_metric("x", 1.0, step=step)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
run.log_metric("x", 1.0, step=100)
"""


def test_a_file_that_may_not_grow_is_told_when_it_may_again(tmp_path: Path) -> None:
    done = run_script(LIMIT_SCRIPT, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("cannot write") == 1
    (log,) = tmp_path.glob("runs/*/*/events.jsonl")
    assert log.stat().st_size > 1900
    events = [decode_line(line) for line in whole_lines(log)]
    steps = [event["step"] for event in events if event["event"] == "metrics"]
    (lost,) = (event["calls"] for event in events if event["event"] == "lost")
    assert steps == [*range(100 - lost), 100]
    assert events[-1]["event"] == "end"


def test_a_folder_that_cannot_be_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "REOPEN_S", 0.0)
    Path("runs").write_text("a file stands here")
    with pytest.warns(LoggerWarning, match="cannot write") as caught:
        run = start(params={"lr": 0.1})
        run.log_metric("x", 1.0)
        run.log_text("x", "x.txt")
    assert len(caught) == 1
    assert run.path is None
    Path("runs").unlink()
    run.log_metric("x", 2.0)
    run.end()
    assert [event["event"] for event in read_events(run)] == ["start", "lost", "metrics", "end"]
    assert read_events(run, "lost")[0]["calls"] == 3


def test_a_folder_that_is_never_there_stops_nothing() -> None:
    Path("runs").write_text("a file stands here")
    with pytest.warns(LoggerWarning) as caught, start() as run:
        for _ in range(100):
            run.log_metric("x", 1.0)
    assert len(caught) == 1


def test_a_descriptor_closed_by_others_is_replaced_by_a_new_file() -> None:
    run = start()
    session = run.session
    assert run._file._fd is not None
    os.close(run._file._fd)
    with pytest.warns(LoggerWarning, match="Bad file descriptor"):
        run.log_metric("x", 1.0)
    run.log_metric("x", 2.0)
    run.end()
    assert run.path is not None
    assert run.path.name == "events.1.jsonl"
    assert [event["event"] for event in read_events(run)] == ["start", "lost", "metrics", "end"]
    assert run.session > session
    assert "forked_from" not in read_events(run)[0]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_an_fsync_that_fails_is_told_once(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.warns(LoggerWarning, match=os.strerror(number)) as caught, start() as run:
        run.log_metric("x", 1.0)
    assert len(caught) == 1
    assert len(read_events(run)) == 3


def test_start_and_end_are_synced_and_nothing_between(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", note)
    with start(experiment="e", run_id="r") as run:
        assert sorted(synced) == sorted(["r", "e", "runs", Path.cwd().name, "events.jsonl"])
        synced.clear()
        run.log_metric("x", 1.0)
        assert synced == []
    assert synced == ["events.jsonl"]


def test_an_artifact_that_cannot_be_copied_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start()
    artifacts = run.folder / "artifacts"
    artifacts.write_text("a file stands here")
    with pytest.warns(LoggerWarning):
        run.log_text("x", "x.txt")
    artifacts.unlink()
    run.log_text("y", "y.txt")
    run.end()
    assert [event["event"] for event in read_events(run)] == ["start", "lost", "artifact", "end"]
    assert [path.name for path in artifacts.iterdir()] == ["y.txt"]


# ---- signals in the middle of a call


def test_a_handler_that_logs_in_the_middle_of_a_short_write_tears_nothing() -> None:
    run = start()

    def interrupt(write: Callable[[int, bytes], int], fd: int, data: bytes) -> int:
        written = write(fd, data[: len(data) // 2])
        run.log_metric("inner", 1.0, step=1)
        return written

    path = run.path
    assert path is not None
    with faulty_writes(1, interrupt):
        os.close(os.open(path, os.O_RDONLY))  # lets the number of the run's descriptor be known
        run._file._fd, old = os.open(path, os.O_RDWR | os.O_APPEND), run._file._fd
        run.log_metric("outer", 1.0, step=2)
        run.log_metric("after", 1.0, step=3)
    assert old is not None
    os.close(old)
    run.end()
    names = [name for line in whole_lines(path) for name in decode_line(line).get("metrics", ())]
    assert names == ["inner", "outer", "after"]


def test_an_exception_in_the_middle_of_a_call_leaves_the_log_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start()
    write = os.write

    def interrupted(fd: int, data: bytes) -> int:
        write(fd, data[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.log_metric("torn", 1.0)
    monkeypatch.setattr(os, "write", write)
    run.log_metric("next", 1.0)
    run.end()
    assert run.path is not None
    assert [decode_line(line)["event"] for line in whole_lines(run.path)] == ["start", "metrics", "end"]


SIGTERM_SCRIPT = """
import os, signal, sys, threading, time
import reportgen as rg
mode = sys.argv[1]
if mode == "own":
    signal.signal(signal.SIGTERM, lambda *a: sys.exit(7))
if mode == "thread":
    thread = threading.Thread(target=rg.start_run, kwargs={"capture": False})
    thread.start(); thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
else:
    run = rg.start_run(capture=False)
    run.log_metric("x", 1.0)
if mode == "nested":
    rg.start_run(nested=True, capture=False)
if mode == "ended":
    rg.end_run()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
if mode == "locked":
    run._file._lock.acquire()
if mode == "elsewhere":
    held = threading.Event()
    threading.Thread(target=lambda: (run._file._lock.acquire(), held.set(), time.sleep(300)), daemon=True).start()
    held.wait()
print("ready", flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize(
    ("mode", "code", "statuses"),
    [
        ("plain", -15, ["KILLED"]),
        ("nested", -15, ["KILLED", "KILLED"]),
        ("locked", -15, ["KILLED"]),
        ("elsewhere", -15, ["KILLED"]),
        ("ended", -15, ["FINISHED"]),
        ("own", 7, ["FINISHED"]),
        ("thread", -15, []),
    ],
)
def test_sigterm_ends_the_run_and_keeps_the_exit_status(
    tmp_path: Path, mode: str, code: int, statuses: list[str]
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", SIGTERM_SCRIPT, mode],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGTERM)
        assert child.wait(120) == code
    ends = [event for log in tmp_path.glob("runs/*/*/events.jsonl") for event in read_events(log, "end")]
    assert [end["status"] for end in ends] == statuses
    assert all(end["error"] == "SIGTERM" for end in ends if end["status"] == "KILLED")


# ---- forks and threads

FORK_SCRIPT = """
import os, sys, threading
import reportgen as rg
run = rg.start_run(experiment="e", run_id="r", capture=False)
run.log_metric("parent", 1.0)
held, free = threading.Event(), threading.Event()
def hold():
    with run._file._lock:
        held.set(); free.wait()
threading.Thread(target=hold, daemon=True).start()
held.wait()
for mode in ("silent", "logs", "exits", "raises"):
    child = os.fork()
    if child == 0:
        if mode == "silent":
            run.end()
            os._exit(0)
        rg.log_metric(mode, 1.0)
        if mode == "logs":
            os._exit(0)
        if mode == "exits":
            sys.exit(0)
        with run:
            raise ValueError("in the child")
    os.waitpid(child, 0)
free.set()
run.log_metric("parent", 2.0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_a_file_of_its_own_and_ends_only_that(tmp_path: Path) -> None:
    done = run_script(FORK_SCRIPT, cwd=tmp_path, env={"PYTHONWARNINGS": "ignore"})
    assert done.returncode == 0, done.stderr
    logs = [read_events(log) for log in sorted((tmp_path / "runs/e/r").glob("events*.jsonl"))]
    parent, *children = sorted(logs, key=lambda events: events[0]["session"])
    assert [[event["event"] for event in events] for events in [parent, *children]] == [
        ["start", "metrics", "metrics", "end"],
        ["start", "metrics"],
        ["start", "metrics", "end"],
        ["start", "metrics", "end"],
    ]
    assert [next(iter(events[1]["metrics"])) for events in children] == ["logs", "exits", "raises"]
    assert {events[0]["run_id"] for events in logs} == {"r"}
    assert {events[0].get("forked_from") for events in children} == {parent[0]["session"]}
    assert "forked_from" not in parent[0]
    assert children[2][-1]["error"] == "ValueError: in the child"
    assert parent[-1]["status"] == "FINISHED"


def test_threads_tear_no_lines() -> None:
    count, calls = 8, 400
    with start() as run:

        def work(number: int) -> None:
            for step in range(calls):
                run.log_metrics({f"m{number}": float(step)}, step=step)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    steps: dict[str, list[int]] = {}
    for event in read_events(run, "metrics"):
        for name in event["metrics"]:
            steps.setdefault(name, []).append(event["step"])
    assert steps == {f"m{number}": list(range(calls)) for number in range(count)}


def test_threads_that_start_at_once_get_files_of_their_own() -> None:
    barrier = threading.Barrier(6)
    runs: list[Run] = []

    def work() -> None:
        barrier.wait(60)
        with start(run_id="shared", experiment="e") as run:
            runs.append(run)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.path for run in runs}) == 6
    assert all(len(read_events(run)) == 2 for run in runs)


# ---- surroundings


def test_surroundings_are_noted_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow() -> list[dict[str, Any]]:
        asked.set()
        answer.wait(60)
        return [{"event": "env", "python": "3"}]

    monkeypatch.setattr(capture, "_known", None)
    monkeypatch.setattr(capture, "_read", slow)
    with logger.start_run() as run:
        assert asked.wait(60)
        assert read_events(run, "env") == []
        answer.set()
    assert read_events(run, "env") == [{"event": "env", "python": "3"}]
    with logger.start_run() as again:
        assert read_events(again, "env") == [{"event": "env", "python": "3"}]


def test_surroundings_that_take_too_long_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    def endless() -> list[dict[str, Any]]:
        answer.wait(60)
        return [{"event": "env"}]

    monkeypatch.setattr(capture, "_known", None)
    monkeypatch.setattr(capture, "_read", endless)
    monkeypatch.setattr("reportgen.logrun.CAPTURE_WAIT_S", 0.01)
    with logger.start_run() as run:
        thread = run._capture
    assert [event["event"] for event in read_events(run)] == ["start", "end"]
    answer.set()
    assert thread is not None
    thread.join(60)
    assert [event["event"] for event in read_events(run)] == ["start", "end"]


def test_surroundings_that_cannot_be_read_fail_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[dict[str, Any]]:
        raise NotImplementedError("this platform is odd")

    monkeypatch.setattr(capture, "_known", None)
    monkeypatch.setattr(capture, "_read", broken)
    with logger.start_run() as run:
        pass
    assert read_events(run, "env") == [{"event": "env", "problem": "NotImplementedError: this platform is odd"}]


def test_only_rank_0_notes_its_surroundings() -> None:
    with logger.start_run(run_id="r", rank=1) as run:
        pass
    assert [event["event"] for event in read_events(run)] == ["start", "end"]


def test_the_logger_works_with_nothing_but_orjson(tmp_path: Path) -> None:
    script = """
import sys
class Refuse:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in {"numpy", "click", "jinja2", "matplotlib", "markdown_it", "markupsafe"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import reportgen as rg
with rg.start_run(params={"a": 1}) as run:
    run.log_metrics({"x": 1.0}); run.log_text("a", "a.txt"); run.log_table({"a": [1]}, "t.csv")
"""
    done = run_script(script, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (log,) = tmp_path.glob("runs/*/*/events.jsonl")
    assert {event["event"] for event in read_events(log)} == {
        "start", "params", "metrics", "artifact", "code", "env", "end",
    }  # fmt: skip
