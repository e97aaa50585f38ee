"""Data-parallel training on the wine data: two processes, each with half of every batch, that average their gradients.

Both processes share one run id and differ in `rank`, so that the site shows them as one run. A run with a single
process and the same total batch is there for comparison.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import Connection
from uuid import uuid4

import numpy as np
from datasets import load
from network import Array, Network, iter_batches

import reportgen as rg

EPOCHS = 80
BATCH = 16
LR = 0.002


def average(gradients: list[Array], peer: Connection | None) -> list[Array]:
    """Return the mean of this process's gradients and those of its peer, if it has one."""
    if peer is None:
        return gradients
    peer.send(gradients)
    return [(mine + other) / 2 for mine, other in zip(gradients, peer.recv(), strict=True)]


def train(run_id: str, name: str, seed: int, rank: int, ranks: int, peer: Connection | None) -> None:
    """Train one process's share and log its loss; rank 0 also validates."""
    data = load("wine", test_size=0.4)
    rng = np.random.default_rng(seed)  # the same on every rank: weights and order of batches agree
    network = Network.create(13, 16, 3, rng)
    params = {"lr": LR, "batch": BATCH, "ranks": ranks, "width": 16, "epochs": EPOCHS, "seed": seed}
    with rg.start_run(
        experiment="wine-two-ranks", name=name, run_id=run_id, rank=rank, params=params if rank == 0 else None
    ) as run:
        if rank == 0:
            run.log_input(data.name, "train", digest=data.digest("train"), source=data.source)
        for epoch in range(EPOCHS):
            losses = []
            for batch in iter_batches(len(data.y), BATCH, rng):
                share = batch[rank::ranks]
                loss, gradients = network.gradients(data.x[share], data.y[share])
                network.update(average(gradients, peer), lr=LR, momentum=0.9)
                losses.append(loss)
            run.log_metrics({"train/loss": float(np.mean(losses))}, step=epoch)
            if rank == 0:
                loss, accuracy = network.evaluate(data.x_val, data.y_val)
                run.log_metrics({"val/loss": loss, "val/accuracy": accuracy}, step=epoch)


def run_on_two(seed: int) -> None:
    """Start both ranks as processes of their own and wait for them."""
    run_id = f"wine-two-ranks-{uuid4().hex[:10]}"
    context = multiprocessing.get_context("spawn")
    ends = context.Pipe()
    processes = [
        context.Process(target=train, args=(run_id, f"two ranks, seed {seed}", seed, rank, 2, ends[rank]))
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a rank ended with {process.exitcode}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for seed in (0, 1):
        train(f"wine-one-rank-{uuid4().hex[:10]}", f"one rank, seed {seed}", seed, 0, 1, None)
        run_on_two(seed)
