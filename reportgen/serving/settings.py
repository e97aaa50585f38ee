"""The configuration of a served site: read again before each build, and kept as it was while it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reportgen.errors import ReportgenError
from reportgen.site.config import Config
from reportgen.site.config_file import FILE, PROJECT_FILE
from reportgen.site.theme import load_theme


def config_files(file: Path | None, folder: Path) -> list[Path]:
    """Return the files, there or not, in which the configuration may stand: `file`, else those of `folder`."""
    return [folder / FILE, folder / PROJECT_FILE] if file is None else [folder / file]


class Settings:
    """The configuration that `read` returns, as it was when it could be used last.

    Making one raises what `read` raises; later errors are told by `renew`.
    """

    def __init__(self, read: Callable[[], Config]) -> None:
        self._read = read
        self.config = read()

    def renew(self) -> str:
        """Take the configuration as it is now; return why it cannot be used, empty when it can."""
        try:
            config = self._read()
            if config != self.config:
                load_theme(config.theme, overrides=config.theme_folders, options=config.theme_options)
        except ReportgenError as error:
            return f"The configuration cannot be used, the one before stays: {error}"
        self.config = config
        return ""
