"""Event files as torch, tensorboardX and TensorBoard itself write them, read as TensorBoard's own reader reads them."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorboardX
import torch.utils.tensorboard as from_torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.audio import metadata as audio_metadata
from tensorboard.plugins.distribution import compressor
from tensorboard.plugins.histogram import summary_v2 as histogram_summary
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary_v2 as hparams_summary
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import summary_v2 as scalar_summary
from tensorboard.plugins.text import summary_v2 as text_summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

from reportgen.model import Run
from reportgen.sources import StatCache, discover, read_run, tensorboard
from reportgen.sources.places import LogFile, Place, RunRef

EVERYTHING = dict.fromkeys(("scalars", "tensors", "images", "audio", "histograms", "compressedHistograms"), 0)
T0 = 1_795_262_520.0

warnings.filterwarnings("ignore", category=DeprecationWarning)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


def read_one(root: Path) -> Run:
    """Return the only run below `root`."""
    (ref,) = discover([root], cache=StatCache(None)).runs
    return read_run(ref)[0].run


def theirs(folder: Path) -> EventAccumulator:
    """Return what TensorBoard reads of a folder."""
    accumulator = EventAccumulator(str(folder), size_guidance=EVERYTHING, purge_orphaned_data=False)
    accumulator.Reload()
    return accumulator


def their_scalars(accumulator: EventAccumulator) -> dict[str, list[tuple[int, float, float]]]:
    """Return tag -> (step, time, value) of each step's last point, whichever way it was written."""
    found: dict[str, dict[int, tuple[int, float, float]]] = {}
    tags = accumulator.Tags()
    for tag in tags["scalars"]:
        for one in accumulator.Scalars(tag):
            found.setdefault(tag, {})[one.step] = (one.step, one.wall_time, one.value)
    for tag in tags["tensors"]:
        if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            for own in accumulator.Tensors(tag):
                value = float(tensor_util.make_ndarray(own.tensor_proto))
                found.setdefault(tag, {})[own.step] = (own.step, own.wall_time, value)
    return {tag: sorted(points.values()) for tag, points in found.items()}


def our_scalars(run: Run) -> dict[str, list[tuple[int, float, float]]]:
    """Return metric -> (step, time, value)."""
    return {
        name: list(zip(own.steps.tolist(), own.times.tolist(), own.values.tolist(), strict=True))
        for name, ranks in run.series.items()
        for own in ranks.values()
    }


def same(ours: dict[str, Any], others: dict[str, Any]) -> bool:
    """Tell whether both hold the same, NaN being equal to itself."""
    return repr(dict(sorted(ours.items()))) == repr(dict(sorted(others.items())))


@pytest.mark.parametrize("writer", [from_torch.SummaryWriter, tensorboardX.SummaryWriter])
def test_scalars_are_those_of_tensorboard_bit_for_bit(tmp_path: Path, writer: Callable[..., Any]) -> None:
    rng = np.random.default_rng(7)
    with writer(str(tmp_path / "r")) as own:
        for step in range(400):
            own.add_scalar("loss/train", math.exp(-step / 40) + rng.normal() / 99, step)
            own.add_scalar("odd", [math.nan, math.inf, -math.inf, 1e-42, -0.0][step % 5], step * 1000)
            own.add_scalar("ü/λ name", rng.normal(), step, walltime=T0 + step)
            if writer is from_torch.SummaryWriter:
                own.add_scalar("new", rng.normal(), step, new_style=True)
                own.add_scalar("double", rng.normal(), step, new_style=True, double_precision=True)
    run = read_one(tmp_path)
    assert same(our_scalars(run), their_scalars(theirs(tmp_path / "r")))
    assert not run.summary.problems and len(run.series) in (3, 5)


def test_restarted_runs_and_repeated_steps_are_merged_by_time(tmp_path: Path) -> None:
    for session in range(3):
        with from_torch.SummaryWriter(str(tmp_path / "r"), filename_suffix=f".{session}") as own:
            for step in range(session * 5, session * 5 + 10):
                own.add_scalar("loss", session * 100 + step, step, walltime=T0 + session * 60 + step)
    run = read_one(tmp_path)
    assert same(our_scalars(run), their_scalars(theirs(tmp_path / "r")))
    assert [(p.message, p.count) for p in run.summary.problems] == [("steps were logged more than once", 10)]


def test_all_that_torch_logs_of_a_run_is_one_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    with from_torch.SummaryWriter(str(tmp_path / "r")) as own:
        for step in range(6):
            own.add_scalar("loss", step, step)
            own.add_scalars("both", {"a": step, "b": -step}, step)
            own.add_histogram("weights", rng.normal(size=2000), step)
            own.add_image("picture", rng.random((3, 8, 8)), step)
            own.add_text("sample", f"step {step}", step)
        own.add_graph(torch_model(), torch_input())
        own.add_hparams({"lr": 0.5, "batch": 32, "opt": "sgd"}, {"hparam/accuracy": 0.75})
    run = read_one(tmp_path)
    quantiles = {f"weights/q{p:02d}" for p in (5, 25, 50, 75, 95)}
    assert set(run.series) == {"loss", "both/a", "both/b", "hparam/accuracy"} | quantiles
    assert run.summary.params == {"lr": 0.5, "batch": 32, "opt": "sgd"}
    assert (run.summary.status, run.summary.problems) == ("finished", ())
    their = theirs(tmp_path / "r")
    pictures = {f"images/picture/{one.step:08d}.png": one.encoded_image_string for one in their.Images("picture")}
    (ref,) = discover([tmp_path], cache=StatCache(None)).runs
    files = {path: Path(file).read_bytes() for path, file in read_run(ref)[0].artifact_files.items()}
    assert files.pop("text/sample.md").decode().count("## Step") == 6
    assert files == pictures
    assert run.series["weights/q50"][0].values == pytest.approx(0, abs=0.1)
    assert run.series["weights/q95"][0].values == pytest.approx(1.645, abs=0.15)


PERCENTS = (5, 25, 50, 75, 95)
BASIS_POINTS = (*(100 * percent for percent in PERCENTS), 10_000)
"""The same for TensorBoard, which wants the end as well."""


def samples_of(step: int) -> Any:
    """Return numbers that are spread in another way at each step, some of them far apart."""
    rng = np.random.default_rng(step)
    kinds: list[Callable[[], Any]] = [
        lambda: rng.normal(size=997),
        lambda: rng.exponential(size=503) - 0.5,
        lambda: rng.lognormal(0, 4, size=211) * rng.choice([-1, 1], 211),
        lambda: np.full(7, 0.25),
        lambda: np.concatenate([rng.normal(-100, 1, 41), rng.normal(1e6, 10, 60)]),
        lambda: rng.integers(0, 4, 333).astype(float),
    ]
    return kinds[step % len(kinds)]()


def check_quantiles(run: Run, name: str, step: int, buckets: Any, wanted: list[tuple[float, float]]) -> None:
    """Compare with TensorBoard's quantiles `wanted`, and with the true ones: both lie in one of `buckets`."""
    samples = samples_of(step)
    left, right, counts = np.array(buckets, dtype=float).T
    for percent, (point, value) in zip(PERCENTS, wanted, strict=False):
        assert point == 100 * percent
        series = run.series[f"{name}/q{percent:02d}"][0]
        (own,) = series.values[series.steps == step]
        assert own == pytest.approx(value, rel=1e-9, abs=1e-12 * float(np.abs(samples).max()))
        true = float(np.quantile(samples, percent / 100, method="inverted_cdf"))
        at = int(np.searchsorted(counts.cumsum(), percent / 100 * counts.sum() - 1e-9))
        assert left[at] - 1e-9 <= true <= right[at] + 1e-9
        assert abs(own - true) <= right[at] - left[at] + 1e-9


@pytest.mark.parametrize("writer", [from_torch.SummaryWriter, tensorboardX.SummaryWriter])
@pytest.mark.parametrize("bins", ["tensorflow", "auto"])
def test_quantiles_of_histograms_are_those_of_tensorboard(
    tmp_path: Path, writer: Callable[..., Any], bins: str
) -> None:
    with writer(str(tmp_path / "r")) as own:
        for step in range(18):
            own.add_histogram("w", samples_of(step), step, bins=bins)
    run = read_one(tmp_path)
    assert set(run.summary.metrics) == {"w/q50"}
    their = theirs(tmp_path / "r").Histograms("w")
    assert [one.step for one in their] == list(range(18))
    for one in their:
        found = one.histogram_value
        edges = np.clip([found.min, *found.bucket_limit], found.min, found.max)
        wanted = compressor.compress_histogram_proto(found, BASIS_POINTS)
        check_quantiles(run, "w", one.step, list(zip(edges[:-1], edges[1:], found.bucket, strict=True)), wanted)


@pytest.mark.parametrize("buckets", [1, 30, 1000])
def test_quantiles_of_new_histograms_are_those_of_tensorboard(tmp_path: Path, buckets: int) -> None:
    """TensorFlow 2 writes buckets of one width, as a tensor."""
    writer = EventFileWriter(str(tmp_path / "r"))
    for step in range(18):
        summary = histogram_summary.histogram_pb("w", samples_of(step), buckets=buckets)
        writer.add_event(Event(wall_time=T0 + step, step=step, summary=summary))
    writer.close()
    run = read_one(tmp_path)
    for one in theirs(tmp_path / "r").Tensors("w"):
        table = tensor_util.make_ndarray(one.tensor_proto)
        check_quantiles(run, "w", one.step, table, compressor.compress_histogram(table, BASIS_POINTS))


def torch_model() -> Any:
    """Return a model with a graph."""
    import torch

    return torch.nn.Linear(3, 2)


def torch_input() -> Any:
    """Return what the model takes."""
    import torch

    return torch.ones(1, 3)


def test_what_tensorflow_2_writes_is_read(tmp_path: Path) -> None:
    """Summaries are made by TensorBoard's own functions, which give what TensorFlow's operations give."""
    rng = np.random.default_rng(5)
    samples = rng.normal(size=1000)
    picture = b"\x89PNG\r\n\x1a\nx"
    images, sounds = Summary(), Summary()
    meta = image_metadata.create_summary_metadata(None, None)
    tensor = tensor_util.make_tensor_proto([b"4", b"4", picture, picture + b"2"])
    images.value.add(tag="picture", metadata=meta, tensor=tensor)
    meta = audio_metadata.create_summary_metadata(None, None, encoding=audio_metadata.Encoding.Value("WAV"))
    sounds.value.add(tag="sound", metadata=meta, tensor=tensor_util.make_tensor_proto([[b"RIFF....", b""]]))
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=T0 + 9)
    ended = Summary()
    data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    ended.value.add(tag=hparams_metadata.SESSION_END_INFO_TAG, metadata=hparams_metadata.create_summary_metadata(data))
    summaries: list[Summary] = [
        scalar_summary.scalar_pb("loss", 0.25),
        histogram_summary.histogram_pb("weights", samples),
        images,
        sounds,
        text_summary.text_pb("words", "some *words*"),
        hparams_summary.hparams_pb({"units": 16, "dropout": 0.5, "optimizer": "adam"}),
        ended,
    ]
    writer = EventFileWriter(str(tmp_path / "r" / "train"))
    for number, summary in enumerate(summaries):
        writer.add_event(Event(wall_time=T0 + number, step=number, summary=summary))
    writer.close()
    run = read_one(tmp_path)
    assert set(run.series) == {"train/loss"} | {f"train/weights/q{p:02d}" for p in (5, 25, 50, 75, 95)}
    assert run.summary.params == {"units": 16, "dropout": 0.5, "optimizer": "adam"}
    assert (run.summary.status, run.summary.problems, run.summary.group) == ("finished", (), "")
    for percent in (5, 25, 50, 75, 95):
        (value,) = run.series[f"train/weights/q{percent:02d}"][0].values
        assert value == pytest.approx(np.percentile(samples, percent), abs=float(np.ptp(samples)) / 30)
    assert sorted(artifact.path for artifact in run.artifacts) == [
        "audio/train/sound/00000003.wav",
        "images/train/picture/00000002-0.png",
        "images/train/picture/00000002-1.png",
    ]
    assert run.notes == ("**train/words**\n\nsome *words*",)


CORPUS = os.environ.get("REPORTGEN_CORPUS", "")


@pytest.mark.skipif(not CORPUS, reason="REPORTGEN_CORPUS names no folder of logs of others")
def test_real_event_files_are_read_as_tensorboard_reads_them() -> None:
    folders = sorted({path.parent for path in Path(CORPUS).rglob("*tfevents*") if ".guild" not in path.parts})
    for folder in folders:
        files = tuple(LogFile(str(path), path.name) for path in sorted(folder.glob("*tfevents*")))
        place = Place("tensorboard", files, str(folder / "artifacts"))
        (stream,) = tensorboard.KIND.read(place, RunRef("k", "r", "e", "n", "", (place,)))
        others = their_scalars(theirs(folder))
        if "hp_metric" not in stream.points:
            others.pop("hp_metric", None)
        ours = {
            name: sorted(zip(own.steps.tolist(), own.times.tolist(), own.values.tolist(), strict=True))
            for name, own in stream.points.items()
        }
        assert same(ours, others), folder
    assert len(folders) > 10
