"""Logs of Lightning, Keras, Stable-Baselines3 and Transformers, beside what their own readers or pandas find."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.foreignruns import messages, read_all, read_one, rows


def table(path: Path, step: str, names: list[str]) -> dict[str, list[tuple[int, float]]]:
    """Return name -> (step, value) of a CSV as pandas reads it."""
    frame = pd.read_csv(path, float_precision="round_trip")
    return {
        name: [(int(at), float(value)) for at, value in frame[[step, name]].dropna().itertuples(index=False)]
        for name in names
    }


def test_lightning(tmp_path: Path) -> None:
    from lightning.pytorch.loggers import CSVLogger

    params = {"lr": 1e-5, "layers": [64, 32], "opt": {"name": "adam", "betas": (0.9, 0.999)}, "none": None, "t": "1e-4"}
    for version in range(2):
        logger = CSVLogger(tmp_path, name="digits", version=version, flush_logs_every_n_steps=3)
        logger.log_hyperparams(params)
        for step in range(20):
            logger.log_metrics({"train/loss": 1.0 / (step + 1), "epoch": step // 10}, step=step)
            if step % 10 == 9:
                logger.log_metrics(
                    {"val/acc": float("nan") if step == 9 else 0.1 * step, "epoch": step // 10}, step=step
                )
        logger.finalize("success")
    runs = read_all(tmp_path)
    assert sorted(runs) == ["version_0", "version_1"]
    run = runs["version_1"]
    assert run.summary.experiment == "digits"
    expected = table(tmp_path / "digits" / "version_1" / "metrics.csv", "step", ["train/loss"])
    assert [(step, value) for step, _, value in rows(run, "train/loss")] == expected["train/loss"]
    assert rows(run, "val/acc") == [(9, None, None), (19, None, pytest.approx(1.9))]
    assert run.summary.params == {
        "lr": 1e-5,
        "layers": "[64,32]",
        "opt.name": "adam",
        "opt.betas": "[0.9,0.999]",
        "none": None,
        "t": "1e-4",
    }
    assert messages(run) == []


def test_keras(tmp_path: Path) -> None:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=["mae"])
    data, target = np.random.default_rng(1).normal(size=(32, 4)), np.zeros((32, 1))
    path = tmp_path / "exp" / "run" / "training.csv"
    path.parent.mkdir(parents=True)
    fit = {"validation_split": 0.25, "verbose": 0}
    first = model.fit(data, target, epochs=3, callbacks=[keras.callbacks.CSVLogger(path)], **fit)
    more = [keras.callbacks.CSVLogger(path, append=True)]
    second = model.fit(data, target, epochs=5, initial_epoch=3, callbacks=more, **fit)
    run = read_one(tmp_path / "exp")
    assert set(run.series) == set(first.history)
    for name, history in first.history.items():
        values = [value for _, _, value in rows(run, name)]
        assert values == pytest.approx(history + second.history[name], rel=1e-12)
    assert [step for step, _, _ in rows(run, "loss")] == list(range(5))
    model.fit(data, target, epochs=2, callbacks=more, **fit)
    assert sorted(read_all(tmp_path / "exp")) == ["run 1", "run 2"]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of Stable-Baselines3 with all of its formats."""
    import gymnasium
    from stable_baselines3 import A2C
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv

    folder = tmp_path_factory.mktemp("exp") / "a2c_1"
    folder.mkdir()
    makers = [
        lambda i=i: Monitor(gymnasium.make("CartPole-v1"), str(folder / str(i)))  # type: ignore[misc]
        for i in range(2)
    ]
    model = A2C("MlpPolicy", DummyVecEnv(makers), n_steps=8, device="cpu", seed=1)
    model.set_logger(configure(str(folder), ["csv", "json", "log"]))
    model.learn(2000, log_interval=20)
    return folder


def test_progress_of_stable_baselines(learned: Path) -> None:
    run = read_one(learned.parent)
    frame = pd.read_csv(learned / "progress.csv", float_precision="round_trip")
    assert len(frame) > 3
    for name in frame.columns.drop("time/total_timesteps"):
        known = frame[["time/total_timesteps", name]].dropna()
        assert [(step, value) for step, _, value in rows(run, name)] == [
            (int(step), float(value)) for step, value in known.itertuples(index=False)
        ]
    assert messages(run) == []


def test_monitors_of_stable_baselines(learned: Path) -> None:
    from stable_baselines3.common.monitor import load_results

    run = read_one(learned.parent)
    frame = load_results(str(learned))
    starts = [json.loads(path.read_text().split("\n")[0][1:])["t_start"] for path in learned.glob("*.monitor.csv")]
    assert [value for _, _, value in rows(run, "r")] == frame["r"].tolist()
    assert [step for step, _, _ in rows(run, "l")] == frame["l"].cumsum().tolist()
    times = [time for _, time, _ in rows(run, "r")]
    assert np.diff(times) == pytest.approx(np.diff(frame["t"]), abs=2e-6)
    assert run.summary.start_time == pytest.approx(min(starts))


def test_trainer_state_of_transformers(tmp_path: Path) -> None:
    import transformers

    state = transformers.TrainerState(max_steps=20, num_train_epochs=2)
    state.log_history = [{"loss": 1.0 / step, "step": step, "epoch": step / 10} for step in range(1, 21)]
    state.log_history.append({"eval_loss": float("inf"), "step": 20, "epoch": 2.0})
    state.global_step = 20
    (tmp_path / "exp" / "out" / "checkpoint-20").mkdir(parents=True)
    state.save_to_json(str(tmp_path / "exp" / "out" / "checkpoint-20" / "trainer_state.json"))
    run = read_one(tmp_path / "exp")
    assert (run.summary.name, run.summary.status) == ("out", "finished")
    own = transformers.TrainerState.load_from_json(
        str(tmp_path / "exp" / "out" / "checkpoint-20" / "trainer_state.json")
    ).log_history
    assert [(step, value) for step, _, value in rows(run, "loss")] == [
        (row["step"], row["loss"]) for row in own if "loss" in row
    ]
    assert rows(run, "eval_loss") == [(20, None, float("inf"))]


def test_a_trainer_of_transformers_that_logs_for_tensorboard_is_one_run(tmp_path: Path) -> None:
    import transformers
    from transformers.integrations import TensorBoardCallback

    output = tmp_path / "sweep" / "bert"
    state, control = transformers.TrainerState(max_steps=4), transformers.TrainerControl()
    arguments = SimpleNamespace(output_dir=str(output), to_json_string=lambda: '{"seed": 7, "learning_rate": 0.001}')
    callback = TensorBoardCallback()
    callback.on_train_begin(arguments, state, control)
    for step in range(1, 5):
        state.global_step = step
        for logs in ({"loss": 1.2345678 / step, "epoch": step / 2}, {"eval_loss": 2.3456789 / step}):
            state.log_history.append({**logs, "step": step})
            callback.on_log(arguments, state, control, logs=logs)
    callback.on_log(arguments, state, control, logs={"train_runtime": 12.5})
    callback.on_train_end(arguments, state, control)
    (folder,) = (output / "runs").iterdir()
    state.save_to_json(str(output / "trainer_state.json"))
    run = read_one(tmp_path / "sweep")
    assert (run.summary.experiment, run.summary.name) == ("sweep", f"bert/{folder.name}")
    assert (run.summary.status, run.summary.params) == ("finished", {"seed": 7, "learning_rate": 0.001})
    for name, tag in (("loss", "train/loss"), ("eval_loss", "eval/loss")):
        logged = [(row["step"], np.float32(row[name])) for row in state.log_history if name in row]
        assert [(step, value) for step, _, value in rows(run, tag)] == logged
