"""Guild's runs: attributes, event files inside, what belongs to the machine and stays out of pages."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from reportgen.sources.tensorboard.crc import crc, mask
from tests.foreignruns import find, messages, read_all, read_one, rows, survives

RUN_ID = "a5520d132b4148a5bad3c4f795b7c362"
OTHER_ID = "2dc1529ba06c46fda486395a61475dbe"
STARTED = 1662041974.25
ATTRIBUTES = {
    "cmd": "- /home/ada/venv/bin/python\n- -um\n- guild.op_main\n- src/train\n- --lr\n- '0.1'\n",
    "comments": "- body: Looks *good*.\n  host: adas-laptop\n  time: 1662041999000000\n  user: ada\n",
    "env": "API_TOKEN: hunter2\nHOME: /home/ada\n",
    "exit_status": "0\n",
    "flags": "lr: 0.1\nlayers: [256, 10]\nopt: adam\nwarm: true\n",
    "host": "adas-laptop\n",
    "id": RUN_ID + "\n",
    "label": "lr=0.1 best\n",
    "pip_freeze": "- numpy==1.26.4\n- -e /home/ada/project\n",
    "platform": "architecture: Linux x86_64\npython_version: 3.11.7 (main)\n",
    "run_dir": "/home/ada/runs/a552\n",
    "started": "1662041974250000\n",
    "stopped": "1662042000000000\n",
    "tags": "- quick\n- green\n",
    "user": "ada\n",
    "vcs_commit": f"git:{'b' * 40}*\n",
}


def record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", mask(crc(length))) + payload + struct.pack("<I", mask(crc(payload)))


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data


def events(*points: tuple[str, int, float, float]) -> bytes:
    """Return an event file with (metric, step, time, value) each."""
    head = record(b"\x09" + struct.pack("<d", STARTED) + field(3, b"brain.Event:2"))
    lines = [
        b"\x09" + struct.pack("<d", time) + bytes([0x10, step])
        + field(5, field(1, field(1, name.encode()) + b"\x15" + struct.pack("<f", value)))
        for name, step, time, value in points
    ]  # fmt: skip
    return head + b"".join(map(record, lines))


def write(folder: Path, attributes: dict[str, str] = ATTRIBUTES) -> Path:
    own = folder / ".guild"
    (own / "attrs").mkdir(parents=True)
    for name, text in attributes.items():
        (own / "attrs" / name).write_text(text, encoding="utf-8")
    (own / "opref").write_text("guildfile:/home/ada/project/guild.yml 3d5f mlp train", encoding="utf-8")
    (own / "manifest").write_text("s train.py 9a7d train.py\nd data.csv 11aa /home/ada/data.csv\n", encoding="utf-8")
    (own / "output").write_text("epoch 1\n", encoding="utf-8")
    (own / "events.out.tfevents.1662041974.host.1.0").write_bytes(events(("accuracy", 3, STARTED + 2, 0.5)))
    (folder / "logs" / "train").mkdir(parents=True)
    logged = events(("loss", 0, STARTED, 1.5), ("loss", 1, STARTED + 1, 0.75))
    (folder / "logs" / "train" / "events.out.tfevents.1662041975.host.2.0").write_bytes(logged)
    (folder / "model.bin").write_bytes(b"weights")
    (folder / "train.py").write_text("pass\n")
    (folder / "data.csv").write_text("1\n")
    return folder


def test_a_run(tmp_path: Path) -> None:
    write(tmp_path / "runs" / RUN_ID)
    run = read_one(tmp_path / "runs")
    own = run.summary
    assert (own.run_id, own.experiment, own.name, own.status) == (RUN_ID, "mlp:train", "a5520d13", "finished")
    assert (own.start_time, own.last_time, own.user) == (STARTED, 1662042000.0, "ada")
    assert own.params == {"lr": 0.1, "layers": "[256,10]", "opt": "adam", "warm": True}
    assert own.tags == {"label": "lr=0.1 best", "tags": "quick, green"}
    assert rows(run, "accuracy") == [(3, STARTED + 2, 0.5)]
    assert rows(run, "logs/train/loss") == [(0, STARTED, 1.5), (1, STARTED + 1, 0.75)]
    assert run.notes == ("Looks *good*.",)
    assert (run.code.commit, run.code.dirty, run.code.entry) == ("b" * 40, True, "train")
    assert run.env == {"python": "3.11.7", "platform": "Linux x86_64", "packages": {"numpy": "1.26.4"}}
    assert own.artifact_paths == ("model.bin",)
    assert [text.text for text in run.texts] == ["epoch 1\n"]
    assert messages(run) == []
    shown = repr((run.summary, run.env, run.code, run.notes, run.texts, run.streams))
    for private in ("hunter2", "/home/ada", "adas-laptop"):
        assert private not in shown


@pytest.mark.parametrize(
    ("exit_status", "status"), [("0", "finished"), ("1", "failed"), ("-15", "stopped"), (None, "unfinished")]
)
def test_the_status(tmp_path: Path, exit_status: str | None, status: str) -> None:
    rest = {name: text for name, text in ATTRIBUTES.items() if name != "exit_status"}
    run = read_one(write(tmp_path / RUN_ID, rest | ({"exit_status": exit_status} if exit_status else {})))
    assert run.summary.status == status


def test_runs_in_the_hidden_folder_of_a_project(tmp_path: Path) -> None:
    for run_id in (RUN_ID, OTHER_ID):
        write(tmp_path / "p" / ".guild" / "runs" / run_id, ATTRIBUTES | {"id": run_id})
    runs = read_all(tmp_path / "p")
    assert set(runs) == {RUN_ID[:8], OTHER_ID[:8]}
    assert all(run.summary.artifact_paths == ("model.bin",) for run in runs.values())


def test_a_run_with_nothing_but_event_files(tmp_path: Path) -> None:
    own = tmp_path / "runs" / RUN_ID / ".guild"
    own.mkdir(parents=True)
    (own / "events.out.tfevents.1.h").write_bytes(events(("a", 1, STARTED, 2.0)))
    run = read_one(tmp_path / "runs")
    assert (run.summary.run_id, run.summary.experiment, rows(run, "a")) == (RUN_ID, "runs", [(1, STARTED, 2.0)])


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside" / OTHER_ID)
    folder = write(tmp_path / "runs" / RUN_ID)
    (folder / "link").symlink_to(tmp_path / "outside" / OTHER_ID)
    (folder / "model.lnk").symlink_to(tmp_path / "outside" / OTHER_ID / "model.bin")
    (tmp_path / "runs" / "linked").mkdir()
    (tmp_path / "runs" / "linked" / ".guild").symlink_to(tmp_path / "outside" / OTHER_ID / ".guild")
    (run,) = read_all(tmp_path / "runs").values()
    assert run.summary.artifact_paths == ("model.bin",)
    assert len(find(tmp_path / "runs").runs) == 1


def test_what_is_wrong_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / RUN_ID, ATTRIBUTES | {"flags": "lr: 0.1\nopt: [", "started": "soon"}))
    assert run.summary.params["lr"] == 0.1
    assert run.summary.start_time == STARTED
    assert len(messages(run)) == 1


def test_damage(tmp_path: Path) -> None:
    write(tmp_path / "sound" / RUN_ID)
    survives(tmp_path / "sound", tmp_path / "damaged")


def test_facts_that_are_empty_files_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "runs" / RUN_ID, {**ATTRIBUTES, "flags": "", "started": ""})
    run = read_one(tmp_path)
    assert {p.message: p.count for p in run.summary.problems} == {"facts of the run are empty files": 2}
