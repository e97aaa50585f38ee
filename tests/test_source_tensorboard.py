"""Event files of TensorBoard: which folders are runs, what is read of them, and what damage does."""

from __future__ import annotations

import math
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.model import Run
from reportgen.sources import StatCache, discover, read_run
from reportgen.sources.tensorboard import crc, records, scalars
from tests.eventfiles import (
    T0,
    crc32c,
    event,
    field,
    float32,
    head,
    masked,
    metadata,
    record,
    scalar,
    simple,
    tensor,
    varint,
    write_events,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


def read_all(root: Path) -> dict[str, Run]:
    """Return name -> run of all that is below `root`."""
    found = discover([root], cache=StatCache(None))
    return {ref.name: read_run(ref)[0].run for ref in found.runs}


def read_one(root: Path) -> Run:
    """Return the only run below `root`."""
    (run,) = read_all(root).values()
    return run


def points(run: Run, name: str) -> list[tuple[int, float]]:
    """Return (step, value) of a metric; NaN as text."""
    series = run.series[name][0]
    values = ["nan" if value != value else value for value in series.values.tolist()]
    return list(zip(series.steps.tolist(), values, strict=True))  # type: ignore[arg-type]


def problems(run: Run) -> list[tuple[str, int]]:
    """Return (message, count) of each problem."""
    return [(problem.message, problem.count) for problem in run.summary.problems]


# ---- checksums


def test_the_checksum_is_the_one_of_the_standard() -> None:
    assert crc.crc(b"123456789") == 0xE3069283
    assert crc.crc(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc.crc(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 1023, 1024, 1025, 1027, 1028, 5000])
def test_long_and_short_texts_have_the_same_checksum_as_bit_by_bit(count: int) -> None:
    data = random.Random(count).randbytes(count)
    assert crc.crc(data) == crc.short_crc(data) == crc32c(data)
    assert crc.mask(crc.crc(data)).to_bytes(4, "little") == masked(data)


# ---- numbers


def test_all_ways_to_write_a_number_are_read(tmp_path: Path) -> None:
    packed = {
        "simple": simple("simple", 0.5),
        "float": scalar("float", tensor(1, field(5, struct.pack("<f", 1.5)))),
        "float unpacked": scalar("float unpacked", tensor(1, float32(5, 2.5))),
        "content": scalar("content", tensor(1, field(4, struct.pack("<f", 3.5)))),
        "double": scalar("double", tensor(2, field(6, struct.pack("<d", 0.1)))),
        "double content": scalar("double content", tensor(2, field(4, struct.pack("<d", 0.2)), shape=(1,))),
        "half": scalar("half", tensor(19, field(13, varint(0x3E00)))),
        "half content": scalar("half content", tensor(19, field(4, struct.pack("<e", -2.0)))),
        "bfloat": scalar("bfloat", tensor(14, field(4, b"\xc0\x3f"))),
        "int": scalar("int", tensor(3, field(7, varint(-7)))),
        "int content": scalar("int content", tensor(3, field(4, struct.pack("<i", -8)))),
        "long": scalar("long", tensor(9, field(10, varint(2**40)))),
        "bool": scalar("bool", tensor(10, field(11, varint(1)))),
        "unsigned": scalar("unsigned", tensor(23, field(17, varint(9)))),
        "no plugin": scalar("no plugin", tensor(1, field(5, struct.pack("<f", 4.5))), plugin=""),
    }
    write_events(tmp_path / "exp" / "r", *(event(value, step=step) for step in range(9) for value in packed.values()))
    run = read_one(tmp_path)
    expected = {
        "simple": 0.5, "float": 1.5, "float unpacked": 2.5, "content": 3.5, "double": 0.1, "double content": 0.2,
        "half": 1.5, "half content": -2.0, "bfloat": 1.5, "int": -7, "int content": -8, "long": 2**40, "bool": 1,
        "unsigned": 9, "no plugin": 4.5,
    }  # fmt: skip
    assert {name: points(run, name) for name in run.series} == {
        name: [(step, value) for step in range(9)] for name, value in expected.items()
    }
    assert not run.summary.problems
    assert (run.summary.experiment, run.summary.name, run.summary.status) == ("exp", "r", "unfinished")


@pytest.mark.parametrize("count", [1, 3, 40])
def test_steps_times_and_values_stay_as_they_are(tmp_path: Path, count: int) -> None:
    rng = random.Random(count)
    wanted: dict[str, list[tuple[int, float, float]]] = {}
    events = []
    for number in range(count):
        for tag in ("loss", "long/name of a metric ä", "acc", *(f"layer{i:03d}" for i in range(30))):
            step = [number, number + 120, number * 300_000, 2**40 + number, number - 5][hash(tag) % 5]
            value = rng.choice([rng.random(), math.inf, -math.inf, 1e-30])
            value = struct.unpack("<f", struct.pack("<f", value))[0]
            time = T0 + number + rng.random()
            wanted.setdefault(tag, []).append((step, time, value))
            events.append(event(simple(tag, value), step=step, time=time))
    write_events(tmp_path / "r", *events)
    run = read_one(tmp_path)
    assert {
        tag: list(zip(*(column.tolist() for column in (s[0].steps, s[0].times, s[0].values)), strict=True))
        for tag, s in run.series.items()
    } == wanted


def test_an_event_may_hold_several_values(tmp_path: Path) -> None:
    write_events(tmp_path / "r", *(event(simple("a", i), simple("b", -i), step=i) for i in range(20)))
    run = read_one(tmp_path)
    assert points(run, "a")[-1] == (19, 19) and points(run, "b")[-1] == (19, -19)


def test_the_plugin_of_a_tag_may_be_named_once(tmp_path: Path) -> None:
    curve = tensor(1, field(4, struct.pack("<f", 1)))
    events = [event(scalar("pr", curve, plugin="pr_curves"))]
    events += [event(scalar("pr", curve, plugin=""), step=i) for i in range(1, 4)]
    run_folder = tmp_path / "r"
    write_events(run_folder, *events, event(simple("loss", 1)))
    run = read_one(tmp_path)
    assert set(run.series) == {"loss"}
    assert problems(run) == [("data of the plugin 'pr_curves' is not shown", 4)]


def test_a_step_that_comes_again_keeps_its_last_value_by_time_and_is_counted(tmp_path: Path) -> None:
    late = [event(simple("loss", i + 100), step=i, time=T0 + 50 + i) for i in range(5, 8)]
    early = [event(simple("loss", i), step=i, time=T0 + i) for i in range(8)]
    write_events(tmp_path / "r", *late, name="a.tfevents.late")
    write_events(tmp_path / "r", *early, name="b.tfevents.early")
    run = read_one(tmp_path)
    assert points(run, "loss") == [(i, i if i < 5 else i + 100) for i in range(8)]
    assert problems(run) == [("steps were logged more than once", 3)]


def test_a_value_that_comes_again_at_its_step_is_no_problem(tmp_path: Path) -> None:
    write_events(tmp_path / "r", *(event(simple("epoch", i // 4), step=i // 2) for i in range(16)))
    run = read_one(tmp_path)
    assert points(run, "epoch") == [(i, i // 2) for i in range(8)]
    assert not problems(run)


def test_histograms_become_quantiles(tmp_path: Path) -> None:
    bounds, counts = np.arange(1.0, 11.0), np.full(10, 5.0)
    old = field(5, field(1, 0.0) + field(2, 10.0) + field(6, bounds.tobytes()) + field(7, counts.tobytes()))
    table = np.stack([bounds - 1, bounds, counts], axis=1)
    new = tensor(2, field(4, table.tobytes()), shape=(10, 3))
    empty = field(5, field(6, b"") + field(7, b""))
    write_events(
        tmp_path / "r",
        event(field(1, "old") + old, step=3),
        event(scalar("new", new, plugin="histograms"), step=4),
        event(field(1, "old") + empty, step=5),
    )
    run = read_one(tmp_path)
    expected = {
        f"{name}/q{p:02d}": [(step, p / 10)] for name, step in (("old", 3), ("new", 4)) for p in (5, 25, 50, 75, 95)
    }
    assert {name: points(run, name) for name in run.series} == {
        k: [(s, pytest.approx(v))] for k, [(s, v)] in expected.items()
    }


# ---- folders


def split_file(folder: Path, tag: str, value: float) -> None:
    write_events(folder, *(event(simple(tag, value + i), step=i) for i in range(3)))


def test_train_and_validation_below_a_folder_are_one_run(tmp_path: Path) -> None:
    split_file(tmp_path / "exp" / "r1" / "train", "epoch_loss", 1)
    split_file(tmp_path / "exp" / "r1" / "validation", "epoch_loss", 2)
    split_file(tmp_path / "exp" / "r2" / "train", "epoch_loss", 3)
    runs = read_all(tmp_path)
    assert {name: sorted(run.series) for name, run in runs.items()} == {
        "r1": ["train/epoch_loss", "validation/epoch_loss"],
        "r2": ["train/epoch_loss"],
    }
    assert points(runs["r1"], "validation/epoch_loss") == [(0, 2), (1, 3), (2, 4)]
    assert runs["r1"].summary.experiment == "exp"


def test_eval_below_a_run_is_a_part_of_it(tmp_path: Path) -> None:
    split_file(tmp_path / "model", "loss", 1)
    split_file(tmp_path / "model" / "eval", "loss", 2)
    assert sorted(read_one(tmp_path).series) == ["eval/loss", "loss"]


def test_other_folders_beside_train_are_runs_of_their_own(tmp_path: Path) -> None:
    for name in ("train", "test", "ablation"):
        split_file(tmp_path / name, "loss", 1)
    runs = read_all(tmp_path)
    assert {name: sorted(run.series) for name, run in runs.items()} == {
        n: ["loss"] for n in ("train", "test", "ablation")
    }


def test_a_run_keeps_its_key_when_it_grows(tmp_path: Path) -> None:
    split_file(tmp_path / "logs" / "r" / "train", "loss", 1)
    before = discover([tmp_path], cache=StatCache(None)).runs[0].key
    split_file(tmp_path / "logs" / "r" / "validation", "loss", 2)
    write_events(tmp_path / "logs" / "r" / "train", event(simple("x", 1), time=T0 + 9), name="events.out.tfevents.2.b")
    assert [ref.key for ref in discover([tmp_path], cache=StatCache(None)).runs] == [before]


def test_the_lines_of_add_scalars_are_metrics_of_the_run(tmp_path: Path) -> None:
    split_file(tmp_path / "r", "loss", 1)
    split_file(tmp_path / "r" / "a_b_x", "a/b", 2)
    split_file(tmp_path / "r" / "a_b_y", "a/b", 3)
    split_file(tmp_path / "r" / "other", "a/b", 3)
    runs = read_all(tmp_path)
    assert {name: sorted(run.series) for name, run in runs.items()} == {
        "r": ["a/b/x", "a/b/y", "loss"],
        "other": ["a/b"],
    }


def test_logs_of_the_same_name_in_many_folders_are_told_apart(tmp_path: Path) -> None:
    for job in "01":
        split_file(tmp_path / "sweep" / job / "lightning_logs" / "version_0", "loss", 1)
    split_file(tmp_path / "lightning_logs" / "version_3", "loss", 1)
    runs = read_all(tmp_path)
    assert {(run.summary.experiment, name) for name, run in runs.items()} == {
        ("sweep", "0/version_0"),
        ("sweep", "1/version_0"),
        ("lightning_logs", "version_3"),
    }


def test_files_of_other_programs_and_empty_ones_are_told(tmp_path: Path) -> None:
    split_file(tmp_path / "r", "loss", 1)
    (tmp_path / "r" / "x.tfevents.y").write_bytes(b"")
    (tmp_path / "r" / "notes on tfevents.txt").write_text("not an event file, whatever its name says")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "l.tfevents").symlink_to(next((tmp_path / "r").glob("events*")))
    found = discover([tmp_path], cache=StatCache(None))
    assert len(found.runs) == 1
    texts = [(problem.where.rpartition("/")[2], problem.message.rpartition(", and ")[2]) for problem in found.problems]
    assert texts == [("notes on tfevents.txt", "no record of one at its beginning"), ("x.tfevents.y", "is empty")]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("events.out.tfevents.1622543341.janes-mbp.lan.86862.0", "events.out.tfevents.1622543341.86862.0"),
        ("events.out.tfevents.1622543341.10.0.0.5.86862.12.v2", "events.out.tfevents.1622543341.86862.12.v2"),
        ("events.out.tfevents.1548797801.omaha", "events.out.tfevents.1548797801"),
        ("events.out.tfevents", "events.out.tfevents"),
    ],
)
def test_the_host_in_the_name_of_a_file_is_not_told(tmp_path: Path, name: str, label: str) -> None:
    file = write_events(tmp_path / "exp" / "r", event(simple("loss", 1)), name=name)
    file.write_bytes(file.read_bytes()[:-1])
    (problem,) = read_one(tmp_path).summary.problems
    assert problem.where == f"exp/r/{label}"


def test_a_run_that_crashed_at_once_is_shown(tmp_path: Path) -> None:
    write_events(tmp_path / "r")
    run = read_one(tmp_path)
    assert (run.series, problems(run), run.summary.status) == ({}, [], "unfinished")


# ---- hyperparameters


def value_of(value: Any) -> bytes:
    if isinstance(value, bool):
        return field(4, int(value))
    if isinstance(value, str):
        return field(3, value)
    if isinstance(value, list):
        return field(6, b"".join(field(1, value_of(item)) for item in value))
    return field(2, float(value))


def session_start(params: dict[str, Any], group: str = "") -> bytes:
    entries = b"".join(field(1, field(1, name) + field(2, value_of(value))) for name, value in params.items())
    content = field(2, 0) + field(3, entries + (field(4, group) if group else b""))
    return field(1, "_hparams_/session_start_info") + metadata("hparams", content)


def session_end(status: int, time: float = T0) -> bytes:
    content = field(4, field(1, status) + field(2, time))
    return field(1, "_hparams_/session_end_info") + metadata("hparams", content)


PARAMS = {"lr": 0.1, "batch": 32, "opt": "adam", "nesterov": True, "sizes": [1, 2.5]}


@pytest.mark.parametrize(("status", "expected"), [(0, "unfinished"), (1, "finished"), (2, "failed"), (3, "unfinished")])
def test_params_and_the_end_of_a_session(tmp_path: Path, status: int, expected: str) -> None:
    write_events(
        tmp_path / "r",
        event(session_start(PARAMS, group="trial-7")),
        *(event(simple("loss", i), step=i, time=T0 + i) for i in range(4)),
        event(session_end(status, T0 + 3.5), time=T0 + 3.5),
    )
    run = read_one(tmp_path)
    assert run.summary.params == {"lr": 0.1, "batch": 32, "opt": "adam", "nesterov": True, "sizes": "[1,2.5]"}
    assert (run.summary.status, run.summary.group) == (expected, "trial-7")


def test_an_end_that_was_logged_at_the_start_is_none(tmp_path: Path) -> None:
    start = [event(session_start(PARAMS)), event(session_end(1)), event(simple("hp_metric", -1))]
    write_events(tmp_path / "begun", *start)
    write_events(tmp_path / "r", *start, *(event(simple("loss", i), step=i, time=T0 + i) for i in range(4)))
    runs = read_all(tmp_path)
    assert {name: (run.summary.status, list(run.series)) for name, run in runs.items()} == {
        "begun": ("unfinished", []),
        "r": ("unfinished", ["loss"]),
    }


def trial(folder: Path, lr: float, time: float = T0 + 10) -> None:
    experiment = field(1, "_hparams_/experiment") + metadata("hparams", field(2, b""))
    values = (experiment, session_start({"lr": lr}), session_end(1, time), simple("hparam/acc", lr), simple("acc", lr))
    write_events(folder, *(event(value, time=time) for value in values))


def test_the_folder_of_add_hparams_belongs_to_the_run_above(tmp_path: Path) -> None:
    write_events(tmp_path / "r", *(event(simple("acc", i), step=i, time=T0 + i) for i in range(4)))
    trial(tmp_path / "r" / "1700000010.25", 0.3)
    run = read_one(tmp_path)
    assert (run.summary.name, run.summary.params, run.summary.status) == ("r", {"lr": 0.3}, "finished")
    assert points(run, "acc") == [(i, i) for i in range(4)]
    assert points(run, "hparam/acc") == points(run, "hparams/acc") == [(0, pytest.approx(0.3))]


def test_several_trials_below_an_empty_run_are_runs(tmp_path: Path) -> None:
    write_events(tmp_path / "r")
    for number in range(3):
        trial(tmp_path / "r" / f"170000001{number}.5", number)
    runs = read_all(tmp_path)
    assert {name: run.summary.params for name, run in runs.items()} == {f"170000001{i}.5": {"lr": i} for i in range(3)}


def test_the_description_of_an_experiment_is_no_run(tmp_path: Path) -> None:
    write_events(tmp_path / "tuning", event(field(1, "_hparams_/experiment") + metadata("hparams", field(2, b""))))
    write_events(tmp_path / "tuning" / "run-0", event(session_start({"units": 16})), event(simple("accuracy", 1)))
    assert list(read_all(tmp_path)) == ["run-0"]


def test_a_session_of_tensorflow_1_that_stopped_has_ended(tmp_path: Path) -> None:
    stop = field(1, T0 + 9) + field(7, field(1, 2))
    write_events(tmp_path / "r", event(simple("loss", 1)), stop)
    assert read_one(tmp_path).summary.status == "finished"


# ---- text, pictures, sounds


def text_value(tag: str, *texts: str) -> bytes:
    return scalar(tag, tensor(7, *(field(8, text) for text in texts), shape=(len(texts),)), plugin="text")


def test_text_is_a_note_when_it_was_logged_once_else_a_file(tmp_path: Path) -> None:
    write_events(
        tmp_path / "r",
        event(text_value("about/text_summary", "Wider *helped*.")),
        event(text_value("model_config", '{"a": 1}')),
        event(text_value("sample", "first"), step=1),
        event(text_value("sample", "second", "part"), step=2),
    )
    run = read_one(tmp_path)
    assert run.notes == ("**about**\n\nWider *helped*.", '**model\\_config**\n\n```json\n{"a": 1}\n```')
    (artifact,) = run.artifacts
    assert (artifact.path, artifact.media) == ("text/sample.md", "text/markdown") and artifact.published


def test_a_table_of_params_is_params(tmp_path: Path) -> None:
    table = "|param|value|\n|-|-|\n|env_id|CartPole-v1|\n|seed|1|"
    write_events(tmp_path / "r", event(text_value("hyperparameters/text_summary", table)))
    run = read_one(tmp_path)
    assert run.summary.params == {"env_id": "CartPole-v1", "seed": "1"} and run.notes == ()


def test_arguments_as_json_are_params(tmp_path: Path) -> None:
    arguments = '{"seed": 1, "optim": {"name": "adam"}, "output_dir": "/home/ada/bert"}'
    write_events(tmp_path / "r", event(text_value("args/text_summary", arguments)))
    run = read_one(tmp_path)
    assert run.summary.params == {"seed": 1, "optim.name": "adam", "output_dir": "bert"} and run.notes == ()
    write_events(tmp_path / "torn" / "r", event(text_value("args", arguments[:-1])))
    torn = read_one(tmp_path / "torn")
    assert (torn.summary.params, len(torn.notes)) == ({}, 1)


def image(tag: str, data: bytes) -> bytes:
    return field(1, tag) + field(4, field(1, 1) + field(2, 1) + field(3, 3) + field(4, data))


def test_pictures_and_sounds_are_files_of_the_run(tmp_path: Path) -> None:
    wav = b"RIFF" + bytes(40)
    several = scalar("batch", tensor(7, *(field(8, x) for x in (b"2", b"3", PNG + b"0", PNG + b"1"))), plugin="images")
    sound = scalar("beep", tensor(7, field(8, wav), field(8, b"label"), shape=(1, 2)), plugin="audio")
    write_events(
        tmp_path / "r",
        event(image("../../x/..\\y", PNG), step=7),
        event(several, step=8),
        event(sound),
        event(image("svg", b"<svg onload=alert(1)>")),
    )
    (ref,) = discover([tmp_path], cache=StatCache(None)).runs
    read = read_run(ref)[0]
    contents = {path: Path(file).read_bytes() for path, file in read.artifact_files.items()}
    assert contents == {
        "images/__/__/x/.._y/00000007.png": PNG,
        "images/batch/00000008-0.png": PNG + b"0",
        "images/batch/00000008-1.png": PNG + b"1",
        "audio/beep/00000000.wav": wav,
    }
    assert all(artifact.published for artifact in read.run.artifacts)
    assert problems(read.run) == [("a picture or sound in a format that browsers lack: not shown", 1)]


def test_of_too_many_pictures_the_last_and_some_before_it_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.sources.tensorboard.reading.MAX_ARTIFACTS", 5)
    write_events(tmp_path / "r", *(event(image("x", PNG + bytes([i])), step=i) for i in range(11)))
    run = read_one(tmp_path)
    assert [artifact.path[-6:-4] for artifact in run.artifacts] == ["02", "06", "10"]
    assert problems(run) == [
        ("pictures and sounds are left out: there are too many of them, and each name keeps some", 8)
    ]


# ---- damage


def sample() -> bytes:
    events = [event(simple(tag, i), step=i, time=T0 + i) for i in range(200) for tag in ("loss", "acc", "lr/group0")]
    events += [event(text_value("t", "x" * 2000)), event(image("i", PNG * 300)), event(session_start(PARAMS))]
    return head() + b"".join(map(record, events))


def test_a_record_with_a_wrong_checksum_is_skipped_and_counted(tmp_path: Path) -> None:
    records_ = [bytearray(record(event(simple("loss", i), step=i, time=T0 + i))) for i in range(20)]
    records_[4][-6] ^= 1  # in a value
    records_[9][22] ^= 1  # a step
    records_[13][30] ^= 0x40  # in the name
    folder = tmp_path / "r"
    write_events(folder).write_bytes(head() + b"".join(records_))
    run = read_one(tmp_path)
    assert points(run, "loss") == [(i, i) for i in range(20) if i not in (4, 9, 13)]
    assert problems(run) == [("a record whose checksum is wrong was skipped", 3)]


def test_a_record_that_is_no_number_any_more_is_counted(tmp_path: Path) -> None:
    records_ = [bytearray(record(event(simple("loss", i), step=i, time=T0 + i))) for i in range(3)]
    records_[1][12 + 9] = 0x20  # the field of the step: what follows is skipped as something else
    records_[1][12 + 11] = 0x4A  # the field of the values
    write_events(tmp_path / "r").write_bytes(head() + b"".join(records_))
    run = read_one(tmp_path)
    assert points(run, "loss") == [(0, 0), (2, 2)]
    assert problems(run) == [("a record whose checksum is wrong was skipped", 1)]


def test_after_a_wrong_length_the_next_record_is_found(tmp_path: Path) -> None:
    records_ = [bytearray(record(event(simple("loss", i), step=i, time=T0 + i))) for i in range(20)]
    records_[4][0] ^= 0x10
    records_[9:10] = [bytearray(b"\0" * 4096)]
    file = write_events(tmp_path / "r")
    file.write_bytes(head() + b"".join(records_))
    run = read_one(tmp_path)
    assert points(run, "loss") == [(i, i) for i in range(20) if i not in (4, 9)]
    assert problems(run) == [(records.DAMAGED, len(records_[4]) + 4096)]


def test_a_cut_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    file = write_events(tmp_path / "r", *(event(simple("loss", i), step=i) for i in range(20)))
    file.write_bytes(file.read_bytes()[:-5])
    run = read_one(tmp_path)
    assert points(run, "loss")[-1] == (18, 18)
    assert problems(run) == [("the last record is not whole", 1)]


@pytest.mark.parametrize("block", [1 << 12, 4 << 20])
def test_graphs_are_passed_over_and_large_records_are_read_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(records, "BLOCK", block)
    monkeypatch.setattr(records, "LARGE", 20_000)
    graph = bytearray(record(field(1, T0) + field(4, bytes(100_000))))
    graph[-1] ^= 1  # its checksum is not looked at
    picture = PNG + bytes(50_000)
    broken = bytearray(record(event(image("broken", picture))))
    broken[-100] ^= 1
    around = [record(event(simple("loss", i), step=i)) for i in range(300)]
    parts = [*around[:100], graph, *around[100:200], record(event(image("x", picture), step=1)), broken, *around[200:]]
    write_events(tmp_path / "r").write_bytes(head() + b"".join(parts))
    run = read_one(tmp_path)
    assert points(run, "loss") == [(i, i) for i in range(300)]
    assert [(artifact.path, artifact.size_bytes) for artifact in run.artifacts] == [
        ("images/x/00000001.png", len(picture))
    ]
    assert problems(run) == [("a record whose checksum is wrong was skipped", 1)]


def test_a_length_beyond_the_file_and_an_event_that_is_too_large_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "LARGE", 20_000)
    monkeypatch.setattr("reportgen.sources.tensorboard.reading.MAX_EVENT", 30_000)
    length = struct.pack("<Q", 2**62)
    parts = [record(event(simple("loss", i), step=i)) for i in range(30)]
    parts[10] = length + masked(length) + b"not there"
    parts[20] = record(event(image("x", PNG + bytes(40_000))))
    write_events(tmp_path / "r").write_bytes(head() + b"".join(parts))
    run = read_one(tmp_path)
    assert [step for step, _ in points(run, "loss")] == [i for i in range(30) if i not in (10, 20)]
    assert problems(run) == [("an event of more than 0 MiB was skipped", 1), (records.DAMAGED, 21)]


def test_damage_at_the_end_is_no_cut(tmp_path: Path) -> None:
    file = write_events(tmp_path / "r", *(event(simple("loss", i), step=i) for i in range(20)))
    file.write_bytes(file.read_bytes() + b"?" * 1000)
    run = read_one(tmp_path)
    assert len(points(run, "loss")) == 20
    assert problems(run) == [(records.DAMAGED, 1000)]


def test_too_much_damage_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_STRETCHES", 5)
    parts = [record(event(simple("loss", i), step=i)) + b"?" for i in range(30)]
    write_events(tmp_path / "r").write_bytes(head() + b"".join(parts))
    run = read_one(tmp_path)
    assert len(points(run, "loss")) == 6
    assert problems(run)[-1] == ("the rest of the file is not read: too much of it is damaged", 1)


@pytest.mark.parametrize("seed", range(150))
def test_no_damage_is_an_exception(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(sample())
    for _ in range(rng.choice([1, 3, 30, 300])):
        place = rng.randrange(len(data) or 1)
        change = rng.random()
        if place >= len(data):
            data += b"?"
        elif change < 0.5:
            data[place] ^= 1 << rng.randrange(8)
        elif change < 0.7:
            data[place : place + rng.randrange(200)] = rng.randbytes(rng.randrange(200))
        elif change < 0.8:
            del data[place:]
            data += b"\0"
        else:
            data[place] = rng.choice([0, 255, 0x80])
    file = write_events(tmp_path / "r")
    file.write_bytes(head() + data)
    run = read_one(tmp_path)
    expected = set(range(200))
    for name in set(run.series) & {"loss", "acc", "lr/group0"}:
        assert all(value == step and step in expected for step, value in points(run, name))


@pytest.mark.parametrize("seed", range(60))
def test_no_event_is_an_exception_even_when_its_checksum_holds(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    hists = field(1, "h") + field(5, field(1, 0.0) + field(6, bytes(80)) + field(7, bytes(80)))
    contents = [event(simple("loss", i), step=i) for i in range(30)]
    contents += [event(scalar("t", tensor(1, field(4, bytes(4)), shape=(1,))), step=i) for i in range(30)]
    contents += [event(session_start(PARAMS)), event(text_value("x", "y")), event(hists), event(image("i", PNG))]
    parts = []
    for content in contents:
        changed = bytearray(content)
        for _ in range(rng.choice([0, 1, 2, 20])):
            place = rng.randrange(len(changed))
            changed[place] = rng.randrange(256)
        parts.append(record(bytes(changed)))
    write_events(tmp_path / "r").write_bytes(head() + b"".join(parts))
    read_one(tmp_path)


def test_values_that_are_nested_deep_are_no_exception(tmp_path: Path) -> None:
    value = b""
    for _ in range(2000):
        value = field(6, field(1, value))
    start = field(1, "_hparams_/session_start_info") + metadata(
        "hparams", field(3, field(1, field(1, "x") + field(2, value)))
    )
    write_events(tmp_path / "r", event(start), event(simple("loss", 1)))
    run = read_one(tmp_path)
    assert points(run, "loss") == [(0, 1)]
    assert problems(run) == [("a record that is no event was skipped", 1)]


def test_names_that_mix_to_the_same_number_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scalars, "_mix", lambda words, kept: np.zeros(len(words), dtype=np.uint64) * kept[0])
    write_events(tmp_path / "r", *(event(simple(f"m{i % 3}", i), step=i + 1) for i in range(60)))
    run = read_one(tmp_path)
    assert {name: [value for _, value in points(run, name)] for name in sorted(run.series)} == {
        f"m{k}": list(range(k, 60, 3)) for k in range(3)
    }
