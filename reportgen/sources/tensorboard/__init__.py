"""TensorBoard's event files, `*tfevents*`: of torch, TensorFlow 1 and 2, Keras, Lightning, tensorboardX and others.

`crc` and `records` find whole records, `scalars` reads numbers out of many at once, `events` all else, `proto` is the
little of protocol buffers that they need; `folders` tells which folders are one run, and `reading` makes its streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reportgen.model import Stream
from reportgen.sources.kinds import Claim, Kind, Listing
from reportgen.sources.places import Place, RunRef


class TensorBoard:
    """The kind for event files."""

    name = "tensorboard"
    title = "TensorBoard"
    about = "files with `tfevents` in their name that hold event records"

    def claim(self, folder: Listing) -> Claim | None:
        """Return the runs in a folder; `train` and `validation` below it, and trials of `add_hparams`, are parts."""
        from reportgen.sources.tensorboard import folders

        return folders.claim(folder)

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one run, one stream. Raises `OSError` when none of its files can be read."""
        from reportgen.sources.tensorboard.reading import read_run

        return (read_run(place, ref),)


KIND: Final[Kind] = TensorBoard()
