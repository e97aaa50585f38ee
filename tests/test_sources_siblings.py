"""Logs of one run in two folders: they are one run where the same numbers stand in both, and two in any doubt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from reportgen.sources.sniffing import iter_seen
from reportgen.sources.tables.siblings import are_same
from tests.eventfiles import T0, event, simple, write_events
from tests.foreignruns import find, read_all, read_one, rows

LOSSES = (2.30258, 1.91234, 1.60943, 1.38629)


def write_csv(folder: Path, losses: Sequence[float] = LOSSES, *, name: str = "metrics.csv") -> None:
    """Write what Lightning's CSVLogger writes of a loss and a rate."""
    folder.mkdir(parents=True)
    table = [f"{step // 2},{10 * step},0.1,{np.float32(loss)!s}" for step, loss in enumerate(losses)]
    (folder / name).write_text("\n".join(["epoch,step,lr-SGD,train_loss", *table]) + "\n")
    (folder / "hparams.yaml").write_text("lr: 0.1\n")


def write_board(folder: Path, losses: Sequence[float] = LOSSES, *, tag: str = "train_loss") -> None:
    """Write what Lightning's TensorBoardLogger writes of the same."""
    events = [
        event(simple(name, value), step=10 * step, time=T0 + step)
        for step, loss in enumerate(losses)
        for name, value in (("epoch", step // 2), ("lr-SGD", 0.1), (tag, loss))
    ]
    write_events(folder, *events)


@pytest.mark.parametrize(
    ("table", "board"),
    [
        ("csv_logs/version_0", "tensorboard_logs/version_0"),
        ("logs/csv/version_3", "logs/tb/version_3"),
        ("csv", "tb"),
        ("csv_logs", "logs/tensorboard"),
        (".", "tensorboard"),
    ],
)
def test_the_same_numbers_in_two_folders_of_loggers_are_one_run(tmp_path: Path, table: str, board: str) -> None:
    write_csv(tmp_path / "sweep" / "wide" / table)
    write_board(tmp_path / "sweep" / "wide" / board)
    run = read_one(tmp_path / "sweep")
    assert rows(run, "train_loss")[0] == (0, T0, float(np.float32(LOSSES[0])))  # with times
    assert "wide" in run.summary.name or run.summary.experiment == "wide"


def test_each_trial_of_a_sweep_is_joined_with_its_own_log(tmp_path: Path) -> None:
    for trial in range(3):
        losses = [loss / (trial + 1) for loss in LOSSES]
        write_csv(tmp_path / "sweep" / f"{trial}" / "csv_logs" / "version_0", losses)
        write_board(tmp_path / "sweep" / f"{trial}" / "tensorboard_logs" / "version_0", losses)
    runs = read_all(tmp_path / "sweep")
    assert sorted(round(rows(run, "train_loss")[0][2] or 0, 4) for run in runs.values()) == [0.7675, 1.1513, 2.3026]


def test_a_run_that_goes_on_is_one_run_whichever_log_is_ahead(tmp_path: Path) -> None:
    write_csv(tmp_path / "wide" / "csv_logs" / "version_0", LOSSES[:3])
    write_board(tmp_path / "wide" / "tensorboard_logs" / "version_0", LOSSES)
    assert len(find(tmp_path).runs) == 1


@pytest.mark.parametrize(
    ("table", "board"),
    [
        ("csv_logs/version_0", "tensorboard_logs/version_1"),
        ("first/csv_logs/version_0", "second/tensorboard_logs/version_0"),
        ("first/version_0", "second/version_0"),
    ],
)
def test_other_versions_and_other_folders_are_other_runs(tmp_path: Path, table: str, board: str) -> None:
    write_csv(tmp_path / "sweep" / table)
    write_board(tmp_path / "sweep" / board)
    assert len(find(tmp_path).runs) == 2


def test_other_numbers_are_another_run(tmp_path: Path) -> None:
    write_csv(tmp_path / "wide" / "csv_logs" / "version_0")
    write_board(tmp_path / "wide" / "tensorboard_logs" / "version_0", (*LOSSES[:3], 1.38628))
    assert len(find(tmp_path).runs) == 2


def test_what_is_the_same_in_many_runs_joins_none(tmp_path: Path) -> None:
    write_csv(tmp_path / "wide" / "csv_logs" / "version_0")
    write_board(tmp_path / "wide" / "tensorboard_logs" / "version_0", tag="val_loss")  # only the rate is in both
    write_csv(tmp_path / "round" / "csv_logs" / "version_0", (1.0, 0.5, 0.25, 0.125))
    write_board(tmp_path / "round" / "tensorboard_logs" / "version_0", (1.0, 0.5, 0.25, 0.125))
    assert len(find(tmp_path).runs) == 4


def test_of_several_folders_with_events_none_is_chosen(tmp_path: Path) -> None:
    write_csv(tmp_path / "wide" / "csv_logs" / "version_0")
    write_board(tmp_path / "wide" / "tensorboard_logs" / "version_0")
    write_board(tmp_path / "wide" / "tb_logs" / "version_0")
    assert len(find(tmp_path).runs) == 3


def test_what_is_outside_the_source_takes_nothing_from_it(tmp_path: Path) -> None:
    write_csv(tmp_path / "wide" / "csv_logs" / "version_0")
    write_board(tmp_path / "wide" / "tensorboard_logs" / "version_0")
    assert len(find(tmp_path / "wide" / "csv_logs").runs) == 1
    assert len(find(tmp_path / "wide" / "csv_logs" / "version_0").runs) == 1


def test_links_to_event_files_are_not_followed(tmp_path: Path) -> None:
    write_csv(tmp_path / "wide" / "csv_logs" / "version_0")
    write_board(tmp_path / "elsewhere" / "version_0")
    (tmp_path / "wide" / "tensorboard_logs").symlink_to(tmp_path / "elsewhere")
    assert len(find(tmp_path / "wide").runs) == 1


def test_progress_goes_before_the_events_beside_it_whose_steps_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "ppo" / "first"
    folder.mkdir(parents=True)
    table = "".join(f"{2048 * (i + 1)},{-100 / (i + 1.7)!r}\n" for i in range(4))
    (folder / "progress.csv").write_text(f"misc/total_timesteps,eprewmean\n{table}")
    events = [event(simple("eprewmean", -100 / (i + 1.7)), step=i + 1, time=T0 + i) for i in range(4)]
    write_events(folder / "tb", *events)
    run = read_one(tmp_path / "ppo")
    assert [step for step, _, _ in rows(run, "eprewmean")] == [2048, 4096, 6144, 8192]


def test_a_table_of_nobody_in_particular_is_left_for_its_events(tmp_path: Path) -> None:
    folder = tmp_path / "exp" / "wide"
    write_board(folder / "tb", tag="loss")
    table = "".join(f"{10 * step},{np.float32(loss)!s}\n" for step, loss in enumerate(LOSSES))
    (folder / "log.csv").write_text(f"step,loss\n{table}")
    assert rows(read_one(tmp_path / "exp"), "loss")[0][1] == T0


def test_sniff_tells_which_log_is_not_taken(tmp_path: Path) -> None:
    write_csv(tmp_path / "wide" / "csv_logs" / "version_0")
    write_board(tmp_path / "wide" / "tensorboard_logs" / "version_0")
    seen = {folder.path: folder for folder in iter_seen(str(tmp_path))}
    table = seen["wide/csv_logs/version_0"]
    assert [(same.kind, same.files) for same in table.same] == [("frameworks", ("metrics.csv", "hparams.yaml"))]
    assert table.runs == ()


def test_numbers_are_compared_as_event_files_hold_them() -> None:
    one = {"loss": np.array([0.123456789, np.nan, 3.3333333333, 7.7777777777])}
    other = {"loss": one["loss"].astype(np.float32).astype(np.float64)}
    assert are_same(one, other)
    assert not are_same(one, {"loss": np.array([0.123456789, 0.5, 3.3333333333, 7.7777777777])})
    assert not are_same(one, {})


# ---- the Trainer of Hugging Face


def write_trainer(output: Path, losses: Sequence[float] = LOSSES, *, folder: str = "") -> None:
    """Write the state of a Trainer, with an evaluation after each loss."""
    (output / folder).mkdir(parents=True)
    history: list[dict[str, float]] = []
    for step, loss in enumerate(losses, 1):
        history.append({"step": 10 * step, "epoch": step / 2, "loss": loss, "learning_rate": 1e-4 / step})
        history.append({"step": 10 * step, "epoch": step / 2, "eval_loss": loss + 0.11111})
    state = {"best_metric": None, "global_step": 40, "log_history": history, "max_steps": 40}
    (output / folder / "trainer_state.json").write_text(json.dumps(state, indent=2))


def write_trainer_board(
    output: Path, losses: Sequence[float] = LOSSES, *, start: str = "Nov29_10-00-00_a", ended: bool = True
) -> None:
    """Write what the Trainer's callback for TensorBoard writes of the same."""
    events = [
        event(simple(name, value), step=10 * step, time=T0 + step)
        for step, loss in enumerate(losses, 1)
        for name, value in (
            ("train/loss", loss),
            ("train/learning_rate", 1e-4 / step),
            ("train/epoch", step / 2),
            ("eval/loss", loss + 0.11111),
        )
    ]
    end = [event(simple("train/train_runtime", 12.5), step=10 * len(losses), time=T0 + 99)] if ended else []
    write_events(output / "runs" / start, *events, *end)


@pytest.mark.parametrize("folder", ["", "checkpoint-40"])
def test_the_state_of_a_trainer_and_its_events_are_one_run(tmp_path: Path, folder: str) -> None:
    write_trainer(tmp_path / "sweep" / "bert", folder=folder)
    write_trainer_board(tmp_path / "sweep" / "bert")
    run = read_one(tmp_path)
    assert rows(run, "eval/loss")[0] == (10, T0 + 1, float(np.float32(LOSSES[0] + 0.11111)))
    assert run.summary.status == "finished"
    assert (run.summary.experiment, run.summary.name) == ("sweep", "bert/Nov29_10-00-00_a")


def test_a_trainer_that_is_still_training_has_not_finished(tmp_path: Path) -> None:
    write_trainer_board(tmp_path / "bert", ended=False)
    assert read_one(tmp_path).summary.status == "unfinished"


def test_events_of_another_training_or_of_several_stay_apart_from_a_trainers_state(tmp_path: Path) -> None:
    write_trainer(tmp_path / "other" / "bert", LOSSES[:3])
    write_trainer_board(tmp_path / "other" / "bert", (*LOSSES[:2], 1.60944))
    assert len(find(tmp_path / "other").runs) == 2
    write_trainer(tmp_path / "resumed" / "bert")
    write_trainer_board(tmp_path / "resumed" / "bert", LOSSES[:2])
    write_trainer_board(tmp_path / "resumed" / "bert", LOSSES[2:], start="Nov29_11-00-00_a")
    assert len(find(tmp_path / "resumed").runs) == 3
