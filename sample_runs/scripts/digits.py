"""A sweep over learning rate and width with several seeds: handwritten digits, one hidden layer.

Some runs go wrong on purpose, as they do in life: `diverge` trains with a learning rate at which the loss becomes NaN,
and raises; `interrupt` is killed by `make.py` in the middle, once for good and once to be resumed from its checkpoint.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Split, load
from matplotlib.figure import Figure
from network import Network, iter_batches

import reportgen as rg

EXPERIMENT = "digits-mlp"
EPOCHS = 60
BATCH = 16
MOMENTUM = 0.9
FIXED: dict[str, float | int | str] = {"batch": BATCH, "momentum": MOMENTUM, "epochs": EPOCHS, "optimizer": "sgd"}


@dataclass(frozen=True, slots=True)
class Config:
    """What the sweep varies."""

    lr: float
    width: int
    seed: int

    def params(self) -> dict[str, float | int | str]:
        """Return all params of the run, those that never change included."""
        return {"lr": self.lr, "width": self.width, "seed": self.seed, **FIXED}


SWEEP = [
    Config(lr, width, seed)
    for lr in (0.001, 0.003, 0.01)
    for width in (32, 256)
    for seed in ((0, 1, 2, 3) if lr == 0.01 else (0, 1, 2))
]


def train(
    run: rg.Run,
    data: Split,
    network: Network,
    rng: np.random.Generator,
    *,
    lr: float,
    first_epoch: int = 0,
    after_epoch: Callable[[int], None] = lambda _: None,
) -> None:
    """Train up to `EPOCHS` epochs and log each; raise `FloatingPointError` when the loss is no number any more."""
    for epoch in range(first_epoch, EPOCHS):
        for batch in iter_batches(len(data.y), BATCH, rng):
            _, gradients = network.gradients(data.x[batch], data.y[batch])
            network.update(gradients, lr=lr, momentum=MOMENTUM, decay=1e-4)
        loss, accuracy = network.evaluate(data.x, data.y)
        val_loss, val_accuracy = network.evaluate(data.x_val, data.y_val)
        run.log_metrics(
            {"train/loss": loss, "train/accuracy": accuracy, "val/loss": val_loss, "val/accuracy": val_accuracy},
            step=epoch,
        )
        if not math.isfinite(loss):
            raise FloatingPointError(f"train/loss is {loss} after epoch {epoch}")
        after_epoch(epoch)


def log_data(run: rg.Run, data: Split) -> None:
    """Note both parts of the data set."""
    for role in ("train", "validation"):
        run.log_input(data.name, role, digest=data.digest(role), source=data.source)


def log_mistakes(run: rg.Run, data: Split, network: Network) -> str:
    """Keep the confusion matrix as a picture and the mistakes as a table; return the sentence that sums them up."""
    guesses = network.scores(data.x_val).argmax(1)
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (data.y_val, guesses), 1)
    figure = Figure(figsize=(4, 3.6), dpi=90, layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.sqrt(counts), cmap="Blues")
    axes.set(xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if row == column else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=7, color=colour)
    run.log_figure(figure, "confusion.png")
    wrong = np.flatnonzero(guesses != data.y_val)
    rows = [{"sample": int(i), "true": int(data.y_val[i]), "predicted": int(guesses[i])} for i in wrong]
    run.log_table(rows, "mistakes.csv")
    np.fill_diagonal(counts, 0)
    true, predicted = np.unravel_index(counts.argmax(), counts.shape)
    return f"{len(wrong)} of {len(guesses)} digits are misread, most often a **{true}** as a **{predicted}**."


def sweep() -> None:
    """Train every configuration; the runs with seed 0 keep a picture and a table, one of them its model."""
    data = load("digits")
    rg.set_experiment(EXPERIMENT)
    for config in SWEEP:
        rng = np.random.default_rng(config.seed)
        with rg.start_run(params=config.params(), tags={"purpose": "sweep"}) as run:
            log_data(run, data)
            network = Network.create(64, config.width, 10, rng)
            train(run, data, network, rng, lr=config.lr)
            if config.seed == 0:
                mistakes = log_mistakes(run, data, network)
                run.note(f"{mistakes} See `confusion.png`, and `mistakes.csv` for the samples.")
            if config == Config(lr=0.01, width=256, seed=0):
                file = Path("digits-mlp.npz")
                network.save(file)
                run.log_model("digits-mlp", file, version="1", aliases=["candidate"])


def diverge() -> None:
    """Train with a learning rate that is far too high."""
    data = load("digits")
    config = Config(lr=0.5, width=256, seed=0)
    rng = np.random.default_rng(config.seed)
    start = rg.start_run(experiment=EXPERIMENT, params=config.params(), tags={"purpose": "limits"})
    with np.errstate(all="ignore"), start as run:
        log_data(run, data)
        run.note("How far can the learning rate go? Not this far.")
        train(run, data, Network.create(64, config.width, 10, rng), rng, lr=config.lr)


def interrupt(run_id: str) -> None:
    """Train with a checkpoint every ten epochs; a second call with the same `run_id` goes on from the last one."""
    data = load("digits")
    config = Config(lr=0.003, width=64, seed=0)
    rng = np.random.default_rng(config.seed)
    folder = Path("checkpoints") / run_id
    folder.mkdir(parents=True, exist_ok=True)

    with rg.start_run(
        experiment=EXPERIMENT, run_id=run_id, params=config.params(), tags={"purpose": "preemptible"}
    ) as run:
        saved = sorted(folder.glob("*.npz"))
        if saved:
            network, first = Network.load(saved[-1]), int(saved[-1].stem) + 1
            run.note(f"Resumed from the checkpoint of epoch {first - 1}.")
        else:
            network, first = Network.create(64, config.width, 10, rng), 0
            log_data(run, data)

        def after_epoch(epoch: int) -> None:
            if epoch % 10 == 9:
                network.save(folder / f"{epoch:03d}.npz")
            time.sleep(0.05)  # leaves time to be killed in

        train(run, data, network, rng, lr=config.lr, first_epoch=first, after_epoch=after_epoch)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Handwritten digits with a small network.")
    parser.add_argument("what", choices=["sweep", "diverge", "interrupt"], nargs="?", default="sweep")
    parser.add_argument("--run-id", default="")
    arguments = parser.parse_args()
    if arguments.what == "sweep":
        sweep()
    elif arguments.what == "diverge":
        diverge()
    else:
        interrupt(arguments.run_id)
