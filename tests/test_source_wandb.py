"""Run folders of Weights & Biases: what is recognised, what is read of them, and what damage does."""

from __future__ import annotations

import json
import math
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.model import Run
from reportgen.sources import StatCache, discover, read_run
from reportgen.sources.faults import Faults
from reportgen.sources.typed import read_histogram
from reportgen.sources.wandb import records
from reportgen.sources.wandb.history import History
from tests import wandblogs as logs
from tests.wandblogs import T0, exit_record, field, history, item, moment, record, run_record, write_run


def read_all(root: Path) -> dict[str, Run]:
    """Return name -> run of all that is below `root`."""
    return {ref.name: read_run(ref)[0].run for ref in discover([root], cache=StatCache(None)).runs}


def read_one(root: Path) -> Run:
    """Return the only run below `root`."""
    (run,) = read_all(root).values()
    return run


def messages(run: Run) -> list[str]:
    """Return what is wrong with a run."""
    return [problem.message for problem in run.summary.problems]


def points(run: Run, name: str) -> list[tuple[int, float]]:
    """Return (step, value) of a metric."""
    series = run.series[name][0]
    return list(zip(series.steps.tolist(), series.values.tolist(), strict=True))


def test_a_run_is_read_with_all_that_its_log_says(tmp_path: Path) -> None:
    git = field(1, "https://ada:secret@github.com/ada/digits.git") + field(2, "9fceb02")
    environment = b"".join(
        field(*pair)
        for pair in ((1, "Linux-6.1"), (2, "CPython 3.11.7"), (5, "--lr"), (5, "0.1"), (9, git), (13, "ada"))
    )
    environment += field(6, "/home/ada/train.py") + field(7, "src/train.py") + field(12, "ada-laptop") + field(16, 8)
    run = run_record(
        config={"_wandb": {"x": 1}, "lr": 0.1, "opt": {"name": "adam"}, "none": None},
        f6="sweep-3",
        f7="train",
        f9="Wider *helped*.",
        f10=["baseline", "best"],
        f12="sw33p",
    )
    stats = b"".join(
        record(7, field(2, moment(T0 + second)) + field(3, field(1, "gpu.0.gpu") + field(16, str(second))))
        for second in (5, 20)
    )
    output = [record(13, field(1, stream) + field(3, text)) for stream, text in ((1, "one\n"), (1, "two\n"), (0, "!"))]
    artifact = field(4, "model") + field(5, "digits-mlp") + field(6, "7d0f5e2c91abcdef") + field(11, "latest")
    used = record(25, field(2, "dataset") + field(3, "mnist:v0"))
    rows = [
        history({"loss": 1.5, "_step": 0, "_timestamp": T0 + 1, "_runtime": 1}, 0),
        history({"loss": 0.5, "_step": 10, "_timestamp": T0 + 2.5, "_runtime": 2.5}, 10),
    ]
    write_run(
        tmp_path,
        [
            run,
            record(26, environment),
            *(record(2, row, number) for number, row in enumerate(rows, 5)),
            stats,
            *output,
            record(5, field(1, item("late", 3, nested=False)) + field(1, item(("opt", "eps"), 1e-8))),
            record(8, artifact),
            used,
            record(10, field(1, "uh") + field(2, "oh")),
            exit_record(0, 30),
        ],
    )
    read = read_one(tmp_path)
    summary = read.summary
    assert (summary.run_id, summary.experiment, summary.name) == ("ab12cd34", "digits", "brave-otter-17")
    assert (summary.status, summary.start_time, summary.duration_s) == ("finished", T0, 30)
    assert (summary.group, summary.user, summary.notes) == ("sweep-3", "ada", "Wider *helped*.\n\n**uh** oh")
    assert summary.params == {"lr": 0.1, "opt.name": "adam", "opt.eps": 1e-8, "none": None, "late": 3}
    assert summary.tags == {"baseline": "true", "best": "true", "job_type": "train", "sweep": "sw33p"}
    assert points(read, "loss") == [(0, 1.5), (10, 0.5)]
    assert read.series["loss"][0].times.tolist() == [T0 + 1, T0 + 2.5]
    assert points(read, "system/gpu.0.gpu") == [(0, 5), (1, 20)]
    assert set(read.series) == {"loss", "system/gpu.0.gpu"}
    assert [(text.stream, text.text) for text in read.texts] == [("stdout", "one\ntwo\n"), ("stderr", "!")]
    assert (read.code.commit, read.code.entry, read.code.command) == (
        "9fceb02",
        "src/train.py",
        ("src/train.py", "--lr", "0.1"),
    )
    assert read.code.remote == "https://github.com/ada/digits.git"
    assert (read.env["python"], read.env["platform"], read.env["cpus"]) == ("CPython 3.11.7", "Linux-6.1", 8)
    assert [(m.name, m.version, m.aliases) for m in summary.models] == [("digits-mlp", "7d0f5e2c91ab", ("latest",))]
    assert [(i.name, i.role) for i in summary.inputs] == [("mnist:v0", "dataset")]
    assert messages(read) == []
    assert "laptop" not in repr(read)
    assert "/home" not in repr(read)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [(1, "failed", "exit code 1"), (255, "stopped", ""), (-15, "stopped", ""), (0, "finished", "")],
)
def test_the_exit_code_tells_how_a_run_ended(tmp_path: Path, code: int, status: str, error: str) -> None:
    write_run(tmp_path, [run_record(), *logs.steps(2), exit_record(code)])
    summary = read_one(tmp_path).summary
    assert (summary.status, summary.error) == (status, error)


def test_a_run_without_an_exit_is_unfinished(tmp_path: Path) -> None:
    write_run(tmp_path, [run_record(), *logs.steps(2)])
    assert read_one(tmp_path).summary.status == "unfinished"
    write_run(tmp_path / "b", [run_record("ef56ab78"), record(18, field(3, 1))])
    assert read_one(tmp_path / "b").summary.status == "unfinished"  # it says itself that it is not complete


def test_numbers_that_are_not_finite_words_and_names_of_any_form(tmp_path: Path) -> None:
    weird = "<torch.WandbLogger object at 0x7f>/train_loss_avg" * 3
    rows = [
        history({"a": b"NaN", "b": b"-Infinity", "flag": True, "损失\x82/loss": 1, ("n", "x", "y"): 2, weird: 3}, 0),
        history({"a": b'"Infinity"', "b": b"1E-7", "flag": False, "": 4, "dict": {"in": {"ner": 5}}}, 1),
        history({"a": None, "text": "hello", "list": [1], "b": 12345678901234567890123456789}, 2),
    ]
    write_run(tmp_path, [run_record(), *(record(2, row) for row in rows), exit_record()])
    run = read_one(tmp_path)
    assert math.isnan(points(run, "a")[0][1])
    assert points(run, "a")[1:] == [(1, math.inf)]
    assert points(run, "b") == [(0, -math.inf), (1, 1e-7), (2, 12345678901234567890123456789.0)]
    assert points(run, "flag") == [(0, 1), (1, 0)]
    assert points(run, "n.x.y") == [(0, 2)]
    assert points(run, "dict.in.ner") == [(1, 5)]
    assert points(run, weird) == [(0, 3)]
    assert next(values for name, values in run.series.items() if name.endswith("/loss"))[0].values.tolist() == [1]
    assert run.summary.tags["text"] == "hello"
    assert messages(run) == ["lists of values are not shown"]


def test_steps_of_old_and_new_writers(tmp_path: Path) -> None:
    old = [history({"loss": step, "_step": 7 * step}, nested=False) for step in range(3)]
    new = [history({"acc": step}, 100 + step) for step in range(2)]
    marked = [history({"acc": 5, "_step": 130}, 130) + field(200, b"x")]
    write_run(tmp_path, [run_record(), *(record(2, row) for row in (*old, *new, *marked))])
    run = read_one(tmp_path)
    assert points(run, "loss") == [(0, 0), (7, 1), (14, 2)]
    assert points(run, "acc") == [(100, 0), (101, 1), (130, 5)]


def test_a_step_that_was_logged_twice_keeps_its_last_value(tmp_path: Path) -> None:
    rows = [history({"loss": value, "_step": 3, "_timestamp": T0 + value}) for value in (1, 2)]
    write_run(tmp_path, [run_record(), *(record(2, row) for row in rows)])
    run = read_one(tmp_path)
    assert points(run, "loss") == [(3, 2)]
    assert messages(run) == ["steps were logged more than once"]


def test_times_come_from_the_runtime_where_there_are_none(tmp_path: Path) -> None:
    write_run(tmp_path, [run_record(), record(2, history({"loss": 1, "_runtime": 12.5, "_step": 0}))])
    assert read_one(tmp_path).series["loss"][0].times.tolist() == [T0 + 12.5]


def test_histograms_are_quantiles_and_media_are_artifacts(tmp_path: Path) -> None:
    flat = {"_type": "histogram", "values": [1, 1, 1, 1], "bins": [0, 1, 2, 3, 4]}
    packed = {"_type": "histogram", "values": [0, 4], "packedBins": {"min": 0, "size": 2, "count": 2}}
    nested = {("h", key): value for key, value in flat.items()}
    image = {"_type": "image-file", "path": "media/images/a.png", "width": 8, "height": 8}
    gone = {"_type": "images/separated", "filenames": ["media/images/a.png", "media/images/gone.png"]}
    rows = [history({**nested, "p": packed, "img": image, "two": gone, "loss": 1}, 4)]
    log = write_run(tmp_path, [run_record(), *(record(2, row) for row in rows)])
    media = log.parent / "files" / "media" / "images"
    media.mkdir(parents=True)
    (media / "a.png").write_bytes(b"\x89PNG")
    (log.parent / "files" / "wandb-metadata.json").write_text("{}")
    run = read_one(tmp_path)
    assert points(run, "h/q50") == [(4, 2)]
    assert points(run, "h/q05") == [(4, pytest.approx(0.2))]
    assert points(run, "p/q95") == [(4, pytest.approx(3.9))]
    assert {name for name in run.series if "/" not in name} == {"loss"}
    assert run.summary.artifact_paths == ("media/images/a.png",)
    assert messages(run) == ["media files that the log names are missing"]


def test_a_histogram_that_is_none_gives_nothing() -> None:
    for broken in (
        {},
        {"values": [1], "bins": [1]},
        {"values": "x", "bins": [1, 2]},
        {"values": [0], "bins": [0, 1]},
        {"values": [-1, 2], "bins": [0, 1, 2]},
        {"values": [[1]], "bins": [0, 1]},
        {"values": [1e999], "bins": [0, 1]},
        {"values": [1], "packedBins": {"min": "x", "size": 1}},
    ):
        assert read_histogram(broken) == []
    counts = [3, 4, 0, 7, *[6] * 14, 1, 1]
    assert read_histogram({"values": [7, 0, 0, 133], "bins": [0, 1, 2, 3, 4]})[0] == 1  # where the first bin ends
    assert read_histogram({"values": counts, "bins": list(range(len(counts) + 1))})[0] == pytest.approx(1.5)
    assert read_histogram({"values": [1e308, 1e308], "bins": [-1e308, 0, 1e308]})[2] == 0


def test_the_summary_adds_what_is_in_no_history(tmp_path: Path) -> None:
    rows = [history({"loss": 1, "_step": step, "_timestamp": T0 + step}) for step in range(3)]
    summaries = [
        record(3, field(1, item("best", 0.9, nested=False)) + field(1, item("loss", 77))),
        record(3, field(1, item(("loss", "min"), 1)) + field(1, item(("_wandb", "runtime"), 3))),
        record(3, field(1, item("gone", 1)) + field(1, item("model", "mlp"))),
        record(3, field(2, item("gone", None))),
    ]
    write_run(tmp_path, [run_record(), *(record(2, row) for row in rows), *summaries])
    run = read_one(tmp_path)
    assert points(run, "best") == [(2, 0.9)]
    assert points(run, "loss") == [(0, 1), (1, 1), (2, 1)]
    assert set(run.series) == {"loss", "best"}
    assert run.summary.tags == {"model": "mlp"}


def make_files(folder: Path, **files: Any) -> None:
    """Write files of W&B into `folder`/files."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "files" / name.replace("__", ".").replace("_", "-", name.startswith("wandb"))).write_text(text)


def test_a_folder_without_a_log_gives_the_last_values(tmp_path: Path) -> None:
    folder = tmp_path / "digits" / "wandb" / "run-20261121_120200-ab12cd34"
    make_files(
        folder,
        wandb_summary__json={"loss": 0.25, "nested": {"x": 1}, "_step": 9, "_timestamp": T0 + 9.5, "_wandb": {"r": 1}},
        wandb_metadata__json={
            "os": "Linux",
            "startedAt": "2026-11-21T12:02:00Z",
            "program": "/home/ada/train.py",
            "args": ["--lr", "1"],
            "git": {"remote": "git@github.com:ada/x.git", "commit": "9fceb02"},
            "state": "finished",
        },
        config__yaml="wandb_version: 1\n_wandb:\n  desc: null\n  value: {}\nlr:\n  desc: null\n  value: 0.1\n",
        output__log="hello\n",
        requirements__txt="numpy==2.1.0\n-e git+x\ntorch==2.5.1 ; x\n",
    )
    run = read_one(tmp_path)
    assert (run.summary.run_id, run.summary.experiment, run.summary.name) == (
        "ab12cd34",
        "digits",
        "run-20261121_120200-ab12cd34",
    )
    assert (run.summary.status, run.summary.params) == ("finished", {"lr": 0.1})
    assert points(run, "loss") == [(9, 0.25)]
    assert run.series["nested.x"][0].times.tolist() == [T0 + 9.5]
    assert run.env["packages"] == {"numpy": "2.1.0", "torch": "2.5.1"}
    assert (run.code.entry, run.code.commit) == ("train.py", "9fceb02")
    assert [text.text for text in run.texts] == ["hello\n"]
    assert run.artifacts == ()
    assert messages(run) == ["the log of this run is missing: only the last value of each metric is known"]


def test_a_copy_of_the_last_run_is_read_where_it_is_all_there_is(tmp_path: Path) -> None:
    summary = {"loss": 0.25, "_step": 9, "_timestamp": T0 + 9.5}
    make_files(tmp_path / "digits" / "wandb" / "latest-run", wandb_summary__json=summary)
    run = read_one(tmp_path)
    assert (points(run, "loss"), run.summary.name, run.summary.experiment) == ([(9, 0.25)], "latest-run", "digits")
    make_files(tmp_path / "digits" / "wandb" / "run-20261121_120200-ab12cd34", wandb_summary__json=summary)
    assert read_one(tmp_path).summary.run_id == "ab12cd34"


def test_an_empty_log_leaves_what_lies_beside_it(tmp_path: Path) -> None:
    log = write_run(tmp_path, [], data=b"")
    make_files(log.parent, wandb_summary__json={"loss": 0.25, "_step": 3})
    run = read_one(tmp_path)
    assert points(run, "loss") == [(3, 0.25)]
    assert messages(run) == ["the log is empty"]
    log.write_bytes(logs.HEADER)
    assert messages(read_one(tmp_path)) == ["the log holds no record that can be read"]


@pytest.mark.parametrize(
    ("own", "run_ids"),
    [
        ("exp1", {"one/exp1", "two/exp1"}),
        ("baseline", {"one/baseline", "two/baseline"}),  # W&B makes such ids, too, and nothing tells them from words
        ("tzub3czu", {"tzub3czu"}),
    ],
)
def test_only_an_id_that_cannot_be_a_word_joins_runs_of_two_projects(
    tmp_path: Path, own: str, run_ids: set[str]
) -> None:
    write_run(tmp_path / "a", [run_record(own, f3="one")], own)
    write_run(tmp_path / "b", [run_record(own, f3="two")], own)
    assert {ref.run_id for ref in discover([tmp_path], cache=StatCache(None)).runs} == run_ids


def test_a_run_that_was_resumed_is_one_run_with_two_sessions(tmp_path: Path) -> None:
    first = [history({"loss": step, "_step": step, "_timestamp": T0 + step}) for step in range(3)]
    later = [history({"loss": step, "_step": step, "_timestamp": T0 + 500 + step}) for step in range(3, 5)]
    write_run(tmp_path, [run_record(), *(record(2, row) for row in first)])
    folder = tmp_path / "wandb" / "run-20261121_130200-ab12cd34"
    folder.mkdir()
    packed = logs.pack([run_record(f18=1), *(record(2, row) for row in later), exit_record()])
    (folder / "run-ab12cd34.wandb").write_bytes(packed)
    run = read_one(tmp_path)
    assert [point[0] for point in points(run, "loss")] == [0, 1, 2, 3, 4]
    assert [session.status for session in run.sessions] == ["interrupted", "finished"]
    assert (run.summary.start_time, run.summary.sessions) == (T0, 2)
    assert messages(run) == []


def test_folders_that_only_look_like_runs_are_none(tmp_path: Path) -> None:
    write_run(tmp_path, [run_record()])
    (tmp_path / "run-20261121_120200-zz" / "files").mkdir(parents=True)
    (tmp_path / "run-20261121_120200-zz" / "files" / "photo.jpg").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.wandb").write_bytes(b"not a log")
    assert len(discover([tmp_path], cache=StatCache(None)).runs) == 1


# ---- the file


class Bytes:
    """A file in memory that gives few bytes at a time."""

    def __init__(self, data: bytes, most: int = 1 << 30) -> None:
        self._data, self._at, self._most = data, 0, most

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""
        part = self._data[self._at : self._at + min(size, self._most)]
        self._at += len(part)
        return part


def split(data: bytes) -> tuple[list[bytes], list[str]]:
    """Return the records of a log, and what is wrong with it."""
    faults = Faults("log")
    found = [whole[1:] for some in records.iter_records(Bytes(data, 1000), faults) for whole in some]
    return found, [event["message"] for event in faults.events()]


def test_records_of_every_length_come_back_whole() -> None:
    generator = random.Random(7)
    sizes = [
        0,
        1,
        logs.BLOCK - 30,
        6,
        7,
        8,
        32_753,
        32_754,
        32_755,
        100_000,
        3,
        *(generator.randrange(70_000) for _ in range(60)),
    ]
    made = [bytes([size % 251]) * size for size in sizes]
    found, wrong = split(logs.pack(made))
    assert found == made
    assert wrong == []


def test_a_log_over_several_chunks_and_one_with_reserved_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "CHUNK", 2 * logs.BLOCK)
    made = [bytes([number % 251]) * 50_000 for number in range(9)]
    assert split(logs.pack(made)) == (made, [])
    data = logs.pack(made[:1])
    assert split(data + bytes(3 * logs.BLOCK)) == (made[:1], [])


def test_a_damaged_record_costs_itself_alone() -> None:
    made = [bytes([number]) * 300 for number in range(1, 101)]
    data = bytearray(logs.pack(made))
    data[20 * 307 + 50] ^= 1
    found, wrong = split(bytes(data))
    assert len(found) == 99
    assert wrong == ["the log is damaged here: a checksum does not fit"]
    data[40 * 307 + 7 + 4] = 255  # a length
    found, wrong = split(bytes(data))
    assert 97 <= len(found) <= 98
    assert len(wrong) == 1


def test_a_cut_log_keeps_what_stands_before_the_cut() -> None:
    made = [bytes([number]) * 300 for number in range(1, 101)]
    data = logs.pack(made)
    for end in (len(data) - 1, len(data) - 304, 50 * 307):
        found, wrong = split(data[:end])
        assert found == made[: len(found)]
        assert len(found) == (end - 7) // 307
        assert wrong == ["the log ends in the middle of a record"]
    long = logs.pack([b"x" * 300, b"y" * 100_000])
    assert split(long[: 2 * logs.BLOCK])[1] == ["the log ends in the middle of a record"]


def test_a_record_of_many_megabytes_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_RECORD", 100_000)
    found, wrong = split(logs.pack([b"a", b"x" * 400_000, b"b"]))
    assert found == [b"a", b"b"]
    assert wrong == ["a record has more than 0 MiB: it was skipped"]


def test_a_log_of_another_version_or_with_a_damaged_beginning() -> None:
    data = logs.pack([b"a" * 10, b"b" * 10])
    assert split(data[:6] + b"\x07" + data[7:]) == (
        [b"a" * 10, b"b" * 10],
        ["version 7 of the log's format is not known"],
    )
    found, wrong = split(b"!" + data[1:])
    assert found == [b"a" * 10, b"b" * 10]
    assert wrong == ["the log does not begin as one of W&B"]


def test_garbage_is_passed_in_little_time() -> None:
    garbage = random.Random(3).randbytes(8 << 20)
    found, wrong = split(logs.HEADER + garbage)
    assert found == []
    assert "the log is damaged here: a checksum does not fit" in wrong


def test_fast_and_slow_reading_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(11)
    bodies = []
    for step in range(400):
        names = generator.sample(["a", "b/ü", "损失", "long" * 40, "x.y", "_timestamp", "_runtime"], 4)
        values: dict[Any, Any] = {
            name: generator.choice([1, -2.5, 1e-300, True, b"NaN", b"Infinity"]) for name in names
        }
        values[("n", "est")] = generator.random()
        if generator.random() < 0.2:
            values["text"] = generator.choice(["hello", "\x82\x01\x05", '{"a": 1}', "12"])
        if generator.random() < 0.7:
            values["_step"] = step
        bodies.append(history(values, step, nested=generator.random() < 0.9 and True))
    fast, slow = History(Faults("")), History(Faults(""))
    fast.add(bodies[:150])
    fast.add(bodies[150:])
    for row, body in enumerate(bodies):
        slow._row_steps.append(-(2**63))
        found = slow._walk(body, row)
        slow._batches.append(tuple(np.array(column) for column in zip(*found, strict=True)))  # type: ignore[arg-type]
    assert collected(fast) == collected(slow)


def collected(points: History) -> dict[str, list[tuple[int, str, str]]]:
    """Return what a history gives to a maker, as text."""

    class Maker:
        def __init__(self) -> None:
            self.found: dict[str, list[tuple[int, str, str]]] = {}

        def points(self, name: str, values: Any, *, steps: Any, times: Any) -> None:
            self.found[name] = [
                (int(s), repr(float(t)), repr(float(v))) for s, t, v in zip(steps, times, values, strict=True)
            ]

    maker = Maker()
    points.give(maker, 5.0)  # type: ignore[arg-type]
    return maker.found


@pytest.mark.parametrize("seed", range(6))
def test_random_damage_never_raises(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    image = {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]}
    made = [run_record(config={"lr": 1}), *logs.steps(60, 5, summaries=True)]
    made += [
        record(2, history({"h": image, "t": "x" * 40_000}, 60)),
        record(7, field(3, field(1, "cpu"))),
        exit_record(),
    ]
    whole = logs.pack(made)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(generator.randrange(1, 6)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        if generator.random() < 0.4:
            del data[generator.randrange(len(data)) :]
        write_run(tmp_path, [], data=bytes(data))
        for ref in discover([tmp_path], cache=StatCache(None)).runs:
            read_run(ref)


@pytest.mark.parametrize("seed", range(6))
def test_records_with_right_checksums_and_any_content_never_raise(tmp_path: Path, seed: int) -> None:
    generator = random.Random(100 + seed)
    sample = [run_record(config={"lr": 1}), *logs.steps(20, 3), exit_record(), record(26, field(5, "x"))]
    for _ in range(25):
        made = []
        for whole in sample:
            data = bytearray(whole)
            for _ in range(generator.randrange(4)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            made.append(bytes(data))
        write_run(tmp_path, made)
        for ref in discover([tmp_path], cache=StatCache(None)).runs:
            read_run(ref)


def test_lengths_of_gigabytes_and_deep_nesting_are_harmless(tmp_path: Path) -> None:
    huge = b"\x12\xff\xff\xff\xff\x7f" + b"x" * 20
    deep = history({"deep": b"[" * 100_000, "way": b'{"a":' * 5000 + b"1" + b"}" * 5000, "ok": 1}, 0)
    path = history({("p",) * 3000: 1}, 1)
    write_run(tmp_path, [run_record(), huge, record(2, deep), record(2, path), b"", b"\xff" * 30])
    run = read_one(tmp_path)
    assert points(run, "ok") == [(0, 1)]
    assert any("JSON" in message for message in messages(run))


def test_checksums_are_over_the_type_and_the_content() -> None:
    data = logs.pack([b"abc"])
    crc, length, kind = struct.unpack_from("<IHB", data, 7)
    assert (crc, length, kind) == (zlib.crc32(b"\x01abc"), 3, 1)
