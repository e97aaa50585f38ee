"""The exception tree: what stops the work, as opposed to a `Problem`, which is a fault in the user's data.

Every message says what happened, where, and the remedy; the command line shows it without a traceback.
Each class passes only its message to `Exception`, so that it survives the way home from a worker process.
"""


class ReportgenError(Exception):
    """Base of all errors that reportgen raises on purpose."""


class FormatError(ReportgenError):
    """A line or a data file is not what its format says; the message names the reason, not the place."""


class LoggerError(ReportgenError):
    """The logging API was called in a way that cannot mean anything (a wrong type, a nested run by accident)."""


class SourceError(ReportgenError):
    """A given SOURCE cannot be used at all: missing, not a folder, unreadable, or of an unknown kind."""


class ConfigError(ReportgenError):
    """The configuration file has an unknown key, a wrong type or a value out of range."""


class ThemeError(ReportgenError):
    """A theme is unknown, or its files are incomplete."""


class SiteError(ReportgenError):
    """The output folder cannot be written, is not ours, or is locked by another build."""


class StrictError(ReportgenError):
    """`--strict` was asked for and the data have problems; raised after the site is written."""


class QueryError(ReportgenError):
    """A filter or an order cannot be understood; the message shows the text with a caret below the place."""

    def __init__(self, message: str, *, code: str = "", start: int = 0, end: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        """Kind of fault, such as `unclosed-quote`; `docs/query.md` lists them."""
        self.start = start
        """Where the fault begins, in characters from 0."""
        self.end = end
        self.reason = reason or message
        """The message without the text and the caret."""


class QueryWarning(UserWarning):
    """A filter or an order names a metric, param or tag that no run has."""
