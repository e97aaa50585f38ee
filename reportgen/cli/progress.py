"""The progress of a build on a terminal: one line that is drawn over itself and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TextIO

from reportgen.cli.printing import harmless, printable

STAGES: Final = {
    "fetch": "Fetching files",
    "import": "Importing runs",
    "look": "Looking at runs",
    "read": "Reading runs",
    "points": "Reading points",
    "plot": "Drawing plots",
    "page": "Rendering pages",
    "write": "Writing files",
}
"""Stage of a build -> what the line says."""
INTERVAL_S: Final = 0.1
_BAR: Final = 30


class ProgressLine:
    """Draws `Reading runs  [#########---------]  120/480` on a terminal; on anything else it does nothing.

    It is the callback of `reportgen.build.build`, called with (stage, done, total), and a context manager that wipes
    the line at the end, whatever ended it.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._active = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._stage = ""
        self._drawn_at = 0.0
        self._width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Draw the line again, at most ten times a second, but always when a stage begins."""
        now = self._clock()
        if not self._active or (stage == self._stage and now - self._drawn_at < INTERVAL_S):
            return
        self._stage, self._drawn_at = stage, now
        filled = _BAR * min(done, total) // total if total > 0 else 0
        label = STAGES.get(stage, stage)
        text = f"{label:<16}[{'#' * filled}{'-' * (_BAR - filled)}]  {done:,}/{total:,}"
        text = text[: shutil.get_terminal_size().columns - 1]
        self._draw(text)

    def note(self, message: str) -> None:
        """Print a message on a line of its own, whether there is a terminal or not."""
        self._wipe()
        self._stream.write(harmless(f"note: {printable(message)}\n"))
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wipe()

    def _draw(self, text: str) -> None:
        self._stream.write(f"\r{text:<{self._width}}")
        self._stream.flush()
        self._width = len(text)

    def _wipe(self) -> None:
        if self._width:
            self._stream.write(f"\r{' ' * self._width}\r")
            self._stream.flush()
            self._width = 0
