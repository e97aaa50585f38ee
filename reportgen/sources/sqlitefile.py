"""Opens SQLite databases of other programs: to read only, without a trace beside them, and within a time."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from reportgen.sources.statcache import open_regular

MAGIC: Final = b"SQLite format 3\0"
MAX_COPY: Final = 4 << 30
"""A larger database is read without what its journal still holds."""
MAX_SECONDS: Final = 300.0
_STEPS: Final = 100_000


@contextlib.contextmanager
def open_database(path: str) -> Iterator[sqlite3.Connection]:
    """Give a connection to the database at `path`, with a write-ahead journal beside it taken in.

    What SQLite would write to take a journal in, it writes to a copy. Text that is no UTF-8 comes with replacements.
    Raises `OSError` where the file is no regular one, and `sqlite3.Error`, then or later, for what is no sound
    database, or takes longer than `MAX_SECONDS`.
    """
    descriptor, stat = open_regular(path)
    os.close(descriptor)
    mode = "mode=ro&immutable=1"
    with contextlib.ExitStack() as stack:
        journal = f"{path}-wal"
        if os.path.isfile(journal) and not os.path.islink(journal) and os.path.getsize(journal):
            size = stat.st_size + os.path.getsize(journal)
            if size <= MAX_COPY:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="reportgen-"))
                copy = os.path.join(folder, "copy.db")
                shutil.copyfile(path, copy)
                shutil.copyfile(journal, f"{copy}-wal")
                path, mode = copy, "mode=rw"
        address = f"file:{quote(os.path.abspath(path))}?{mode}"
        connection = stack.enter_context(contextlib.closing(sqlite3.connect(address, uri=True, cached_statements=16)))
        connection.text_factory = _decode
        ends = time.monotonic() + MAX_SECONDS
        connection.set_progress_handler(lambda: int(time.monotonic() > ends), _STEPS)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        yield connection


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def columns_of(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """Return the columns of a table, none where there is no real table of that name."""
    kinds = connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchall()
    if kinds != [("table",)]:
        return frozenset()
    return frozenset(row[1] for row in connection.execute(f"PRAGMA table_info({quote_name(table)})"))


def quote_name(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
