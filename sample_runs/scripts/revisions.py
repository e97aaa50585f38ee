"""The history of a small program: a git repository of twelve commits, each of which is trained before the next is made.

Most commits change nothing that a model would notice. One makes it better, one, which means well, makes it worse. The
repository lies in the working folder and is thrown away; its commits are dated a working day apart, so that they have
the same hashes whenever this runs. No two trainings share a seed, as it is when a job runs every night.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
FIRST = datetime(2026, 11, 9, 9, 30, tzinfo=UTC)
WIDTHS = {32: 3, 8: 1}
"""Width of the network -> how often it is trained at each commit."""
SKIPPED = 8
"""The commit (0 is the first) at which the wide network was not trained: somebody needed the machine."""

REVISIONS: list[tuple[str, list[tuple[str, str]]]] = [
    ("Train a small network on the digits", []),
    (
        "Name the size of a batch",
        [
            ("EPOCHS = 12\n", "EPOCHS = 12\nBATCH = 32\n"),
            ("iter_batches(len(x), 32, rng)", "iter_batches(len(x), BATCH, rng)"),
        ],
    ),
    (
        "Name the learning rate and the momentum",
        [
            ("BATCH = 32\n", "BATCH = 32\nLR, MOMENTUM = 0.05, 0.9\n"),
            ("lr=0.05, momentum=0.9", "lr=LR, momentum=MOMENTUM"),
        ],
    ),
    (
        "Refuse a width below one",
        [("    x, y, x_val", "    if width < 1:\n        sys.exit('the width must be 1 or more')\n    x, y, x_val")],
    ),
    ("Scale the pixels by their range, which is 16", [(" / 255\n", " / 16\n")]),
    (
        "Say how many images there are",
        [("    rng = np", "    print(len(x), 'images to learn from')\n    rng = np")],
    ),
    (
        "Let the run say what it was trained on",
        [("as run:\n", 'as run:\n        run.log_input("digits", "train", source="sklearn.datasets.load_digits")\n')],
    ),
    ("Print the result", [("\n\nif __name__", '    print(f"accuracy {accuracy:.3f}")\n\n\nif __name__')]),
    (
        "Name the share that is kept for validation",
        [("EPOCHS = 12\n", "EPOCHS = 12\nHELD_OUT = 0.4\n"), ("test_size=0.4", "test_size=HELD_OUT")],
    ),
    (
        "Keep the images in a quarter of the memory",
        [
            (" / 16\n", " / 16\n    x = np.round(x).astype(np.int8)  # they are small numbers\n"),
            ("network.gradients(x[batch], y", "network.gradients(x[batch].astype(np.float32), y"),
        ],
    ),
    ("Write down what calibration means", [("Return how far", "Return the expected calibration error: how far")]),
    (
        "Check that labels are digits",
        [("    return x, y, x_val", "    assert set(y.tolist()) <= set(range(10))\n    return x, y, x_val")],
    ),
]
"""Subject of the commit, and its edits of `train.py`: what is replaced, and by what."""


def git(folder: Path, *arguments: str, when: datetime) -> None:
    """Run git as somebody whose clock says `when`."""
    date = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = {
        f"GIT_{role}_{what}": v
        for role in ("AUTHOR", "COMMITTER")
        for what, v in (("NAME", "Ada"), ("EMAIL", "ada@example.org"), ("DATE", date))
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "-C", folder, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Make each commit, and train what it holds."""
    folder = Path.cwd() / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", when=FIRST)
    shutil.copy(HERE / "network.py", folder)
    source = (HERE / "nightly.py").read_text(encoding="utf-8")
    day = FIRST
    for number, (subject, edits) in enumerate(REVISIONS):
        for old, new in edits:
            assert source.count(old) == 1, (subject, old)
            source = source.replace(old, new)
        (folder / "train.py").write_text(source, encoding="utf-8")
        git(folder, "add", ".", when=day)
        git(folder, "commit", "-q", "-m", subject, when=day)
        for width, times in WIDTHS.items():
            for again in range(0 if number == SKIPPED and times > 1 else times):
                command: list[str | Path] = [sys.executable, folder / "train.py", str(width), str(10 * number + again)]
                subprocess.run(command, check=True, cwd=folder)
        day += timedelta(days=3 if day.weekday() == 4 else 1)


if __name__ == "__main__":
    main()
