"""The tables of training frameworks: what they write is found, named and read; what is cut or wrong is counted."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.foreignruns import find, messages, read_all, read_one, rows

T0 = 1_700_000_000


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def lines(*objects: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)


def ray_row(i: int, **more: object) -> dict[str, object]:
    return {
        "training_iteration": i,
        "time_total_s": 10.0 * i,
        "timestamp": T0 + 10 * i,
        "episode_reward_mean": 1.5 * i,
        "info": {"learner": {"loss": 1 / i}},
        "custom_metrics": {"x": float("nan")},
        "hist_stats": {"r": [1, 2]},
        "config": {"lr": 0.1, "gamma": 9},
        "hostname": "box",
        "pid": 7,
        "done": False,
        "trial_id": "abc",
        **more,
    }


RAY = {
    "result.json": lines(ray_row(1), ray_row(2), ray_row(3, done=True)),
    "params.json": '{"lr": 0.1, "model": {"fcnet_hiddens": [64, 64]}, "data": "/home/ada/secret/data.h5"}',
    "progress.csv": "training_iteration,time_total_s\n1,10\n",
    "events.out.tfevents.1699999990.box": b"\0",
    "params.pkl": b"\x80",
}


def test_a_trial_of_ray_is_one_run(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "PPO_2023" / "trial_1", RAY).parent)
    summary = run.summary
    assert (summary.experiment, summary.name, summary.status) == ("PPO_2023", "trial_1", "finished")
    assert rows(run, "episode_reward_mean") == [(i, T0 + 10.0 * i, 1.5 * i) for i in (1, 2, 3)]
    assert rows(run, "custom_metrics/x") == [(i, T0 + 10.0 * i, None) for i in (1, 2, 3)]
    assert rows(run, "info/learner/loss")[1][2] == 0.5
    assert not {"config/lr", "hist_stats/r/0", "pid", "timestamp", "training_iteration"} & set(run.series)
    assert summary.params == {"lr": 0.1, "model.fcnet_hiddens": "[64,64]", "data": "data.h5"}
    assert summary.tags == {"trial_id": "abc"}
    assert messages(run) == []


def test_a_trial_of_ray_with_only_csv_that_failed(tmp_path: Path) -> None:
    files = {
        "result.json": "",
        "progress.csv": f"training_iteration,time_total_s,timestamp,loss,node_ip\n1,10,{T0},0.5,1.2.3.4\n",
        "error.txt": "Traceback\nValueError: no\n",
    }
    run = read_one(write(tmp_path / "e" / "t", files).parent)
    assert (run.summary.status, run.summary.error) == ("failed", "ValueError: no")
    assert rows(run, "loss") == [(1, float(T0), 0.5)]
    assert run.summary.tags == {}


MONITOR = '#{"t_start": %d, "env_id": "CartPole-v1"}\nr,l,t\n'


ORDERED = "!!python/object/apply:collections.OrderedDict\n"


def test_monitors_are_joined_in_order_of_time(tmp_path: Path) -> None:
    files = {
        "0.monitor.csv": MONITOR % T0 + "11.0,10,1.5\n47.0,40,9.0\n",
        "1.monitor.csv": MONITOR % (T0 + 1) + "23.0,20,2.0\n",
        "CartPole-v1/args.yml": ORDERED + "- - - seed\n    - 3\n  - - n\n    - -1\n",
        "CartPole-v1/config.yml": ORDERED + "- - - n\n    - 500.0\n",
        "evaluations.npz": b"PK",
    }
    run = read_one(write(tmp_path / "a2c" / "CartPole-v1_1", files).parent)
    assert (run.summary.experiment, run.summary.name) == ("a2c", "CartPole-v1_1")
    assert rows(run, "r") == [(10, T0 + 1.5, 11.0), (30, T0 + 3.0, 23.0), (70, T0 + 9.0, 47.0)]
    assert set(run.series) == {"r", "l"}
    assert run.summary.params == {"env_id": "CartPole-v1", "seed": 3, "n": 500.0}
    assert run.summary.start_time == T0
    assert messages(run) == []


def test_progress_of_stable_baselines_has_the_time_of_its_monitor(tmp_path: Path) -> None:
    files = {
        "progress.csv": (
            "train/loss,time/total_timesteps,time/time_elapsed,rollout/ep_rew_mean\n,100,4,9.5\n0.25,200,8,\n"
        ),
        "monitor.csv": MONITOR % T0 + "1.0,100,3.5\n",
        "events.out.tfevents.1700000000.box": b"\0",
    }
    run = read_one(write(tmp_path / "exp" / "logs", files).parent)
    assert (run.summary.experiment, run.summary.name) == (tmp_path.name, "exp")
    assert rows(run, "rollout/ep_rew_mean") == [(100, T0 + 4.0, 9.5)]
    assert rows(run, "train/loss") == [(200, T0 + 8.0, 0.25)]
    assert rows(run, "time/time_elapsed") == [(100, T0 + 4.0, 4.0), (200, T0 + 8.0, 8.0)]


def test_baselines_prefers_json_and_never_reads_its_table(tmp_path: Path) -> None:
    files = {
        "progress.json": '{"total/steps": 2000, "train/loss": 0.5}\n{"train/loss": 0.25, "total/steps": 4000}\n',
        "progress.csv": "train/loss,total/steps\n0.5,2000\n",
        "log.txt": "Logging to ./log\n| train/lo... | 0.5 |\n",
        "0.monitor.csv": MONITOR % T0,
    }
    run = read_one(write(tmp_path / "baselines" / "ddpg" / "log", files).parent)
    assert (run.summary.experiment, run.summary.name) == ("baselines", "ddpg")
    assert rows(run, "train/loss") == [(2000, None, 0.5), (4000, None, 0.25)]


def test_a_run_that_died_before_its_first_row_is_a_run(tmp_path: Path) -> None:
    files = {"progress.json": "", "progress.csv": "", "log.txt": "Logging to x\n", "0.monitor.csv": MONITOR % T0}
    run = read_one(write(tmp_path / "e" / "r", files).parent)
    assert (run.summary.start_time, run.series, messages(run)) == (T0, {}, [])


ULTRALYTICS = {
    "results.csv": (
        "                  epoch,         train/box_loss,       metrics/mAP50(B)\n"
        "                      1,                 1.5,                0.25\n"
        "                      2,                 nan,                0.50\n"
    ),
    "args.yaml": "task: detect\nlr0: 0.01\nname: train3\nsave_dir: /home/ada/runs/train3\n",
    "results.png": b"\x89PNG",
    "weights/best.pt": b"x",
}


def test_ultralytics(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "detect" / "train3", ULTRALYTICS).parent)
    assert (run.summary.experiment, run.summary.name) == ("detect", "train3")
    assert rows(run, "metrics/mAP50(B)") == [(1, None, 0.25), (2, None, 0.5)]
    assert rows(run, "train/box_loss") == [(1, None, 1.5), (2, None, None)]
    assert run.summary.params["save_dir"] == "train3"
    assert "results.png" in run.summary.artifact_paths
    assert messages(run) == []


LIGHTNING = {
    "metrics.csv": "epoch,step,val/acc,train/loss\n0,12,0.5,\n0,12,,2.5\n1,25,0.75,\n1,25,,1.5\n",
    "hparams.yaml": "lr: 0.001\nopt:\n  name: adam\n",
}


def test_lightning_has_several_rows_a_step_and_that_is_no_fault(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "mnist" / "lightning_logs" / "version_3", LIGHTNING))
    assert (run.summary.experiment, run.summary.name) == ("lightning_logs", "version_3")  # it is the SOURCE itself
    run = read_one(tmp_path / "mnist")
    assert (run.summary.experiment, run.summary.name) == ("mnist", "version_3")
    assert rows(run, "train/loss") == [(12, None, 2.5), (25, None, 1.5)]
    assert rows(run, "epoch") == [(12, None, 0.0), (25, None, 1.0)]
    assert run.summary.params == {"lr": 0.001, "opt.name": "adam"}
    assert messages(run) == []


def test_jobs_of_hydra_are_named_by_their_number(tmp_path: Path) -> None:
    for job in ("0", "1"):
        folder = write(tmp_path / "multirun" / "2024-10-21" / job, {".hydra/config.yaml": "a: 1\n"})
        write(folder / "logs" / "csv_logs" / "version_0", LIGHTNING)
    found = read_all(tmp_path)
    assert {name: run.summary.experiment for name, run in found.items()} == {"0": "2024-10-21", "1": "2024-10-21"}


def test_keras_appended_twice_is_two_runs_and_a_resumed_one_is_one(tmp_path: Path) -> None:
    text = "epoch,accuracy,loss,val_loss\n0,0.5,1.0,2.0\n1,0.75,0.5,1.5\n"
    write(tmp_path / "k" / "a", {"training.log": text + "0,0.25,3.0,4.0\n"})
    write(tmp_path / "k" / "b", {"training.csv": text + "1,0.5,0.25,0.5\n2,0.5,0.125,0.5\n"})
    runs = read_all(tmp_path / "k")
    assert sorted(runs) == ["a 1", "a 2", "b"]
    assert rows(runs["a 2"], "loss") == [(0, None, 3.0)]
    assert rows(runs["b"], "loss") == [(0, None, 1.0), (1, None, 0.25), (2, None, 0.125)]
    assert messages(runs["b"]) == ["steps were logged more than once"]


def test_detectron(tmp_path: Path) -> None:
    files = {
        "metrics.json": '{"iteration": 19, "total_loss": 2.5, "time": 0.25}\n'
        '{"bbox/AP": NaN, "iteration": 39, "total_loss": 1.5}\n',
        "config.yaml": "SOLVER:\n  BASE_LR: 0.02\n",
    }
    run = read_one(write(tmp_path / "e" / "r", files).parent)
    assert rows(run, "total_loss") == [(19, None, 2.5), (39, None, 1.5)]
    assert rows(run, "bbox/AP") == [(39, None, None)]
    assert run.summary.params == {"SOLVER.BASE_LR": 0.02}


def mm(mode: str, epoch: int, i: int, **more: object) -> dict[str, object]:
    return {"mode": mode, "epoch": epoch, "iter": i, "lr": 0.1, **more}


def test_mmdetection_counts_iterations_over_epochs_and_splits_runs(tmp_path: Path) -> None:
    session = [
        {"env_info": "x", "config": "y", "seed": None},
        mm("train", 1, 50, loss=4.0),
        mm("train", 1, 100, loss=3.0),
        mm("val", 1, 25, bbox_mAP=0.25),
        mm("train", 2, 50, loss=2.0),
        mm("train", 2, 100, loss=1.0),
        mm("val", 2, 25, bbox_mAP=0.5),
    ]
    write(tmp_path / "e" / "w", {"None.log.json": lines(*session, *session[:3])})
    runs = read_all(tmp_path / "e")
    assert sorted(runs) == ["w 1", "w 2"]
    assert rows(runs["w 1"], "train/loss") == [(50, None, 4.0), (100, None, 3.0), (150, None, 2.0), (200, None, 1.0)]
    assert rows(runs["w 1"], "val/bbox_mAP") == [(100, None, 0.25), (200, None, 0.5)]
    assert rows(runs["w 2"], "train/loss") == [(50, None, 4.0), (100, None, 3.0)]


def test_mmengine(tmp_path: Path) -> None:
    text = lines({"lr": 0.1, "loss": 2.0, "iter": 10, "step": 10}, {"coco/bbox_mAP": 0.5, "step": 1})
    files = {"vis_data/scalars.json": text, "vis_data/20230101_000000.json": text, "vis_data/config.py": "x = 1"}
    run = read_one(write(tmp_path / "work" / "20230101_000000", files).parent)
    assert (run.summary.experiment, run.summary.name) == ("work", "20230101_000000")
    assert rows(run, "loss") == [(10, None, 2.0)]
    assert rows(run, "coco/bbox_mAP") == [(1, None, 0.5)]


def test_log_txt_has_lists_and_restarts(tmp_path: Path) -> None:
    def row(epoch: int) -> dict[str, object]:
        return {"train_loss": 1.0 + epoch, "test_coco_eval_bbox": [0.1, 0.2], "epoch": epoch, "n_parameters": 7}

    write(tmp_path / "e" / "detr", {"log.txt": lines(row(0), row(1), row(0))})
    runs = read_all(tmp_path / "e")
    assert sorted(runs) == ["detr 1", "detr 2"]
    assert rows(runs["detr 1"], "test_coco_eval_bbox/1") == [(0, None, 0.2), (1, None, 0.2)]


STATE = {
    "best_metric": 0.5,
    "best_model_checkpoint": "/home/ada/out/checkpoint-20",
    "epoch": 2.0,
    "global_step": 20,
    "max_steps": 20,
    "num_train_epochs": 2,
    "log_history": [
        {"epoch": 1.0, "step": 10, "loss": 2.5, "learning_rate": 5e-05},
        {"epoch": 1.0, "step": 10, "eval_loss": 2.0},
        {"epoch": 1.0, "step": 10, "eval_other_loss": 3.0},
        {"epoch": 2.0, "step": 20, "loss": 1.5},
        {"epoch": 2.0, "step": 20, "train_runtime": 3.5, "train_loss": 2.0},
    ],
}


@pytest.mark.parametrize("has_own", [True, False])
def test_the_state_of_a_trainer_is_one_run_with_its_checkpoints(tmp_path: Path, has_own: bool) -> None:
    early = {**STATE, "log_history": STATE["log_history"][:1], "global_step": 10}  # type: ignore[index]
    files = {
        "checkpoint-10/trainer_state.json": json.dumps(early, indent=2),
        "checkpoint-20/trainer_state.json": json.dumps(STATE, indent=2),
    }
    if has_own:
        files["trainer_state.json"] = files["checkpoint-20/trainer_state.json"]
    run = read_one(write(tmp_path / "exp" / "out1", files).parent)  # type: ignore[arg-type]
    assert (run.summary.experiment, run.summary.name, run.summary.status) == ("exp", "out1", "finished")
    assert rows(run, "loss") == [(10, None, 2.5), (20, None, 1.5)]
    assert rows(run, "eval_other_loss") == [(10, None, 3.0)]
    assert run.summary.params == {"num_train_epochs": 2, "max_steps": 20}
    assert run.summary.tags == {"best_metric": "0.5", "best_model_checkpoint": "checkpoint-20"}
    assert messages(run) == []


def test_speedruns_are_a_run_a_file(tmp_path: Path) -> None:
    source = "import os\n" + "# code\n" * 3000 + "=" * 80 + "\n"
    text = source + "step:0/2 val_loss:10.5 train_time:0ms step_avg:nanms\nstep:1/2 train_loss:9.5 train_time:31ms\n"
    write(
        tmp_path / "logs",
        {"a1.txt": text + "step:2/2 val_loss:3.25 train_time:62ms\n", "b2.txt": text, "c.txt": source},
    )
    runs = read_all(tmp_path / "logs")
    assert sorted(runs) == ["a1", "b2"]
    assert (runs["a1"].summary.status, runs["b2"].summary.status) == ("finished", "unfinished")
    assert rows(runs["a1"], "val_loss") == [(0, None, 10.5), (2, None, 3.25)]
    assert rows(runs["b2"], "step_avg") == [(0, None, None)]


def test_a_run_keeps_its_id_while_it_grows(tmp_path: Path) -> None:
    for name, files in {"ray": RAY, "lightning": LIGHTNING, "ultralytics": ULTRALYTICS}.items():
        folder = write(tmp_path / name / "run", files)  # type: ignore[arg-type]
        before = [ref.run_id for ref in find(folder.parent).runs]
        table = next(folder / one for one in ("result.json", "metrics.csv", "results.csv") if (folder / one).exists())
        last = table.read_bytes().splitlines(keepends=True)[-1]
        table.write_bytes(table.read_bytes() + last)
        assert [ref.run_id for ref in find(folder.parent).runs] == before


def test_a_first_line_that_is_damaged_hides_no_log(tmp_path: Path) -> None:
    rows_ = [{"train_loss": 1.0 / (i + 1), "epoch": i} for i in range(4)]
    write(tmp_path / "e" / "r", {"log.txt": "\xff" + lines(*rows_)})
    run = read_one(tmp_path / "e")
    assert [step for step, _, _ in rows(run, "train_loss")] == [1, 2, 3]
    assert messages(run) == ["a line is no JSON"]


def test_text_with_some_json_in_it_is_no_log(tmp_path: Path) -> None:
    text = "started\n" * 10 + lines({"train_loss": 1.0, "epoch": 0}) * 3
    write(tmp_path / "e" / "sure", LIGHTNING)
    write(tmp_path / "e" / "notes", {"log.txt": text})
    assert len(find(tmp_path / "e").runs) == 1


def test_a_monitor_may_have_a_blank_behind_its_mark(tmp_path: Path) -> None:
    text = f'# {{"t_start": {T0}, "env_id": "DeepCars-v0"}} \nr,l,t\n-985,16,3.5\n'
    run = read_one(write(tmp_path / "e" / "r", {"0.0.monitor.csv": text}).parent)
    assert rows(run, "r") == [(16, T0 + 3.5, -985.0)]
    assert run.summary.params == {"env_id": "DeepCars-v0"}


def test_a_run_keeps_its_id_when_its_first_row_of_progress_comes(tmp_path: Path) -> None:
    folder = write(tmp_path / "e" / "r", {"0.monitor.csv": MONITOR % T0 + "11.0,10,1.5\n", "progress.csv": ""})
    before = [ref.run_id for ref in find(tmp_path / "e").runs]
    write(folder, {"progress.csv": "time/total_timesteps,rollout/ep_rew_mean\n2048,1.5\n4096,x\n8192,2.5\n16384,3.5\n"})
    write(folder, {"1.monitor.csv": MONITOR % T0})
    found = find(tmp_path / "e").runs
    assert [ref.run_id for ref in found] == before
    (problem,) = read_one(tmp_path / "e").summary.problems
    assert problem.where == "e/r/progress.csv"


def test_monitors_of_which_nothing_is_left_are_counted(tmp_path: Path) -> None:
    files = {"0.monitor.csv": MONITOR % T0 + "11.0,10,1.5\n", "1.monitor.csv": "", "2.monitor.csv": "\0" * 80}
    run = read_one(write(tmp_path / "e" / "r", {**files, "3.monitor.csv": MONITOR % T0}).parent)
    assert rows(run, "r") == [(10, T0 + 1.5, 11.0)]
    assert {p.message: p.count for p in run.summary.problems} == {
        "a monitor is empty, or does not begin as one": 2,
        "a line holds zero bytes": 1,
    }


@pytest.mark.parametrize("progress", ["", "progress.csv"])
def test_a_folder_in_which_baselines_wrote_nothing_is_no_run(tmp_path: Path, progress: str) -> None:
    write(tmp_path / "e" / "sure", LIGHTNING)
    files = {"log.txt": "Logging to logs/x\n", "0.monitor.csv": ""} | ({progress: ""} if progress else {})
    write(tmp_path / "e" / "r", files)
    found = find(tmp_path / "e")
    assert len(found.runs) == 1
    assert [p.message for p in found.problems] == (["the log is empty"] if progress else [])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"metrics.csv": "", "hparams.yaml": "{}"}, "the log is empty"),
        ({"metrics.csv": "\0" * 40, "hparams.yaml": "{}"}, "it does not begin as the log that its name says"),
        ({"results.csv": "", "args.yaml": "task: detect"}, "the log is empty"),
        ({"trainer_state.json": "", "training_args.bin": "x"}, "the log is empty"),
    ],
)
def test_a_log_of_which_nothing_is_left_is_told(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    write(tmp_path / "e" / "sure", LIGHTNING)
    write(tmp_path / "e" / "r", files)
    found = find(tmp_path / "e")
    assert (len(found.runs), [problem.message for problem in found.problems]) == (1, [message])


def test_ragged_and_cut_rows_are_counted(tmp_path: Path) -> None:
    text = "epoch,step,a,b\n0,1,1.0,2.0\n0,2,1.0,2.0,3.0\n1,3,5.0,6.0\n1,4,7."
    run = read_one(write(tmp_path / "e" / "r", {"metrics.csv": text}).parent)
    assert rows(run, "a") == [(1, None, 1.0), (3, None, 5.0)]
    assert messages(run) == ["rows have another number of cells than the header", "the last row was cut"]


def test_a_header_that_comes_again_is_another_header(tmp_path: Path) -> None:
    text = "epoch,step,a\n0,1,1.0\nepoch,step,b,a\n0,2,9.0,2.0\n"
    run = read_one(write(tmp_path / "e" / "r", {"metrics.csv": text}).parent)
    assert (rows(run, "a"), rows(run, "b")) == ([(1, None, 1.0), (2, None, 2.0)], [(2, None, 9.0)])
    assert messages(run) == []


@pytest.mark.parametrize("seed", range(40))
def test_damage_never_raises(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    samples: dict[str, dict[str, str | bytes]] = {
        "ray": RAY,  # type: ignore[dict-item]
        "lightning": LIGHTNING,  # type: ignore[dict-item]
        "ultralytics": ULTRALYTICS,  # type: ignore[dict-item]
        "monitor": {"0.monitor.csv": MONITOR % T0 + "11.0,10,1.5\n47.0,40,9.0\n"},
        "trainer": {"trainer_state.json": json.dumps(STATE, indent=2)},
        "mm": {"x.log.json": lines(mm("train", 1, 50, loss=4.0), mm("val", 1, 25, bbox_mAP=0.25))},
        "keras": {"training.csv": "epoch,accuracy,loss\n0,0.5,1.0\n1,0.75,0.5\n"},
        "log": {"log.txt": lines({"train_loss": 1.0, "epoch": 0})},
        "own": {"ok.jsonl": lines({"step": 0, "loss": 1.0}, {"step": 1, "loss": 0.5})},
    }
    for name, files in samples.items():
        for file, content in files.items():
            data = bytearray(content if isinstance(content, bytes) else content.encode())
            for _ in range(rng.randrange(0, 6)):
                data[rng.randrange(len(data))] = rng.choice((0, 10, 13, 34, 44, 45, 57, 101, 123, 125, 255))
            write(tmp_path / name / "run", {file: bytes(data[: rng.randrange(len(data) + 1)])})
    write(tmp_path / "sure" / "run", samples["own"])
    read_all(tmp_path)


def factory_rows(count: int, total: int) -> str:
    return lines(
        *(
            {
                "current_steps": 10 * i,
                "total_steps": total,
                "loss": 2.0 / i,
                "lr": 1e-5,
                "epoch": i / 4,
                "percentage": 9,
            }
            | {"elapsed_time": f"0:0{i}:00", "remaining_time": "1 day, 0:00:10", "throughput": "0.00"}
            for i in range(1, count + 1)
        )
    )


def test_what_llama_factory_writes_line_by_line_is_a_run(tmp_path: Path) -> None:
    last = lines({"current_steps": 40, "total_steps": 40, "epoch": 1.0, "percentage": 100.0})
    done = read_one(
        write(tmp_path / "sft", {"trainer_log.jsonl": factory_rows(4, 40) + last, "args.yaml": "lora: 8\n"})
    )
    assert [(step, value) for step, _, value in rows(done, "loss")] == [(10, 2.0), (20, 1.0), (30, 2 / 3), (40, 0.5)]
    assert sorted(done.series) == ["epoch", "loss", "lr"]
    assert (done.summary.status, done.summary.params, messages(done)) == ("finished", {"lora": 8}, [])
    going = read_one(write(tmp_path / "on", {"trainer_log.jsonl": "{,}\n" + factory_rows(2, 40)}))
    assert (len(rows(going, "loss")), going.summary.status) == (2, "unfinished")


def test_the_state_of_a_trainer_goes_before_the_lines_of_the_same_run(tmp_path: Path) -> None:
    files = {"trainer_log.jsonl": factory_rows(4, 40), "trainer_state.json": json.dumps(STATE)}
    assert set(read_one(write(tmp_path / "a", files)).series) >= {"loss", "epoch"}


def test_the_step_of_ms_swift_is_the_first_half_of_a_fraction(tmp_path: Path) -> None:
    def row(step: int, **more: object) -> dict[str, object]:
        return {**more, "epoch": step / 4, "global_step/max_steps": f"{step}/4", "elapsed_time": f"{step}m 2s"}

    rest = {"last_model_checkpoint": "/home/me/v0/checkpoint-4", "global_step": 4, "log_history": [{"loss": 1}]}
    text = lines(row(1, loss=3.0), row(2, loss=2.0), row(2, eval_loss=2.5), row(4, train_runtime=9.5), rest)
    run = read_one(write(tmp_path / "v0", {"logging.jsonl": text, "args.json": '{"lora_rank": 8}'}))
    assert [(step, value) for step, _, value in rows(run, "loss")] == [(1, 3.0), (2, 2.0)]
    assert [(step, value) for step, _, value in rows(run, "eval_loss")] == [(2, 2.5)]
    assert (run.summary.status, run.summary.params, messages(run)) == ("finished", {"lora_rank": 8}, [])
    assert run.summary.tags == {"last_model_checkpoint": "checkpoint-4"}


def test_results_that_are_in_no_history_are_read_beside_the_state_of_a_trainer(tmp_path: Path) -> None:
    state = {"log_history": [{"loss": 1.5, "step": 2}], "global_step": 4, "max_steps": 4}
    results = {"epoch": 1.0, "loss": 9.0, "predict_rougeL": 31.5, "note": "x"}
    files = {"trainer_state.json": json.dumps(state), "all_results.json": json.dumps(results)}
    run = read_one(write(tmp_path / "a", files))
    assert [(step, value) for step, _, value in rows(run, "predict_rougeL")] == [(4, 31.5)]
    assert sorted(run.series) == ["loss", "predict_rougeL"]


def test_damage_in_the_state_of_a_trainer_costs_the_rows_that_it_hit(tmp_path: Path) -> None:
    history = [{"loss": 1 / i, "step": i} for i in range(1, 5)]
    text = json.dumps({"epoch": 1.0, "log_history": history, "max_steps": 4, "global_step": 4})
    run = read_one(write(tmp_path / "a", {"trainer_state.json": text.replace('"step": 3', '"step": \x13')}))
    assert [step for step, _, _ in rows(run, "loss")] == [1, 2, 4]
    assert (run.summary.status, run.summary.params["max_steps"]) == ("finished", 4)
    assert messages(run) == ["the document is damaged"]
    cut = read_one(write(tmp_path / "b", {"trainer_state.json": text[: text.index('"step": 4')]}))
    assert [step for step, _, _ in rows(cut, "loss")] == [1, 2, 3]


def test_a_monitor_with_a_damaged_header_is_told_and_counted_by_episodes(tmp_path: Path) -> None:
    text = '#{"t_start": 1700000000, "env_id": "x"}\nr,?,t\n1.5,10,0.5\n2.5,20,1.5\n'
    run = read_one(write(tmp_path / "a", {"monitor.csv": text}))
    assert [(step, value) for step, _, value in rows(run, "r")] == [(1, 1.5), (2, 2.5)]
    assert messages(run) == ["the header of a monitor is no `r,l,t`: it is damaged"]


@pytest.mark.parametrize("last", ["1e300", "NaN", "-1e300", "2.5", '"x"'])
def test_a_state_whose_last_step_is_none_is_survived(tmp_path: Path, last: str) -> None:
    state = '{"log_history": [{"step": 7, "loss": 0.5}], "global_step": ' + last + "}"
    run = read_one(write(tmp_path / "a", {"trainer_state.json": state, "all_results.json": '{"predict_loss": 1.5}'}))
    assert rows(run, "loss")[0][::2] == (7, 0.5)
    assert [value for _, _, value in rows(run, "predict_loss")] == [1.5]
