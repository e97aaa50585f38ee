"""JSON lines and CSV of unknown origin: by the configuration where it names them, else by what their columns are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np

from reportgen.formats import clean_text
from reportgen.model import Problem, Stream
from reportgen.sources.documents import file_names, files_by_name, read_bytes
from reportgen.sources.faults import Faults
from reportgen.sources.kinds import HEAD_BYTES, Claim, FoundRun, Listing, is_empty
from reportgen.sources.options import TableMapping
from reportgen.sources.parts import label_of
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tables.documents import MAX_DOCUMENT
from reportgen.sources.tables.layouts import Layout, layout_of, noted
from reportgen.sources.tables.monitors import is_monitor
from reportgen.sources.tables.naming import run_names
from reportgen.sources.tables.reading import (
    MAX_SPLIT,
    Piece,
    item_of,
    make_stream,
    pieces_of,
    read_sidecar,
    read_table,
    shorten,
    split_columns,
)
from reportgen.sources.tables.rows import decode_row
from reportgen.sources.tables.siblings import find_twin
from reportgen.sources.tables.sniff import may_be_log, sniff, sniff_document
from reportgen.sources.tables.writers import PARAM_FILES

MAX_LOOKS: Final = 1000
"""Files of a folder that are looked into before it is passed over as one of data, where none of them is a log."""
_SNIFFED: Final = 1 << 16
_CSV: Final = (".csv", ".tsv")
_LINES: Final = (".jsonl", ".ndjson", ".json", ".txt", ".log")


class _AnyTable:
    name = "tables"
    title = "JSON lines and CSV"
    about = "a column of steps, or of times beside a metric, and numbers; or [[sources.table]] of the configuration"

    def claim(self, folder: Listing) -> Claim | None:
        """Return the runs of a folder."""
        if not folder.files:
            return None
        problems: list[Problem] = []
        found = [*_mapped(folder), *_sniffed(folder, problems)]
        problems += _lost_logs(folder, {name for name, _ in found})
        runs = [run for name, layout in found for run in _runs(folder, name, layout, is_only=len(found) == 1)]
        if not runs and not problems:
            return None
        files = frozenset(file for run in runs for file in run.files)
        is_one_run = len(runs) == 1 and not folder.named
        is_twin = is_one_run and bool(find_twin(folder, *found[0]))
        return Claim(tuple(runs), files=files, is_one_run=is_one_run, is_twin=is_twin, problems=tuple(problems))

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one run."""
        facts, files = dict(place.extra), files_by_name(place)
        (table, path), *others = files.items()
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        layout = layout_of(facts)
        _, rows, _ = make_stream(place, ref, layout, path, maker=maker)
        if layout.form == "document":
            maker.params(shorten(rows.preface))
        for name, other in others:
            if name != table:
                maker.params(shorten(read_sidecar(other, name, maker.faults)))
        return [maker.finish()]


KIND: Final = _AnyTable()


_LOST: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics.csv": ("hparams.yaml",),
    "results.csv": ("args.yaml", "opt.yaml"),
    "result.json": ("params.pkl",),
    "progress.csv": ("log.txt", "params.pkl"),
    "progress.json": ("log.txt",),
    "trainer_state.json": ("training_args.bin", "optimizer.pt"),
}
"""Logs that have a name of their own -> what one of their writers leaves beside them, and others hardly do."""
_SURE: Final = frozenset({"metrics.csv", "results.csv", "trainer_state.json"})
"""Those that are one even when their beginning does not say so any more."""


_DUMP: Final = re.compile(r"(?:.*[_-])?history\.json|evals?_results?\.json")
"""Names of histories that are dumped at the end of a training."""


def _lost_logs(folder: Listing, known: AbstractSet[str]) -> Iterator[Problem]:
    """Yield what is wrong with logs that only their name and their neighbours tell, as they are empty or damaged."""
    if any("tfevents" in name for name in folder.files):
        return  # they hold the run
    for name, beside in _LOST.items():
        own = name == "metrics.csv" and (folder.parts or ("",))[-1].startswith("version_")
        if name in folder.files and name not in known and (own or not folder.files.isdisjoint(beside)):
            where = label_of(folder.full(name))
            if is_empty(folder.full(name)):
                yield Problem(where, "the log is empty", "its process was killed before it wrote; delete it")
            elif name in _SURE:
                yield Problem(
                    where, "it does not begin as the log that its name says", "it may be damaged: copy it again"
                )
    for name in folder.ending(".csv"):
        if name not in known and is_monitor(name) and b'"t_start"' in folder.head(name, 256):
            message = "it does not begin as the log that its name says"
            yield Problem(label_of(folder.full(name)), message, "it may be damaged: copy it again")
    for name in folder.ending(".json"):
        if name not in known and _DUMP.fullmatch(name) and _is_damaged(_whole(folder.full(name))):
            message = "it is no JSON, but has the name of a history"
            yield Problem(label_of(folder.full(name)), message, "it may be damaged: copy it again")


def _is_damaged(document: bytes) -> bool:
    """Tell whether a document is no JSON, and neither are its lines."""
    document = document.removeprefix(b"\xef\xbb\xbf").strip()
    for text in (document, document.partition(b"\n")[0]):
        try:
            decode_row(text)
        except ValueError:
            continue
        return False
    return bool(document)


def _mapped(folder: Listing) -> Iterator[tuple[str, Layout]]:
    """Yield the tables that the configuration names."""
    if not folder.options.tables:
        return
    for name in sorted(folder.files):
        mapping = folder.options.table(folder.parts, name)
        if mapping is not None:
            yield name, _layout(mapping, name)


def _layout(mapping: TableMapping, name: str) -> Layout:
    return Layout(
        "",
        "json" if os.path.splitext(name)[1].lower() in _LINES[:3] else "csv",
        steps=(mapping.step,) if mapping.step else (),
        times=(mapping.time,) if mapping.time else (),
        run=mapping.name,
        experiment=mapping.experiment,
        rows=mapping.rows,
        skip=frozenset(mapping.skip),
        restart="first" if mapping.step and not mapping.name else "",
    )


def _sniffed(folder: Listing, problems: list[Problem]) -> Iterator[tuple[str, Layout]]:
    """Yield the tables that are logs by their columns."""
    names = folder.ending(*_CSV, *_LINES)
    hits = 0
    for count, name in enumerate(names):
        if count == MAX_LOOKS and not hits:
            message = (
                f"{len(names) - count} tables were not looked into: the first {count} of the folder are no run logs"
            )
            hint = "name them in [[sources.table]] of the configuration if they are"
            problems.append(Problem(label_of(folder.path, ""), message, hint))
            return
        if folder.options.table(folder.parts, name) is None:
            layout = _sniff_file(folder, name)
            if layout is not None:
                hits += 1
                yield name, layout


def _sniff_file(folder: Listing, name: str) -> Layout | None:
    suffix = os.path.splitext(name)[1].lower()
    is_csv = suffix in _CSV
    head = folder.head(name)
    if suffix == ".json" and head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"[", b"{"):
        found = sniff_document(folder.head(name, _SNIFFED), lambda: _whole(folder.full(name)), is_named=folder.named)
        if found is not None:
            return found
    if not folder.named and not may_be_log(head, is_csv=is_csv):
        return None
    is_whole = len(head) < HEAD_BYTES
    if not is_whole:
        head = folder.head(name, _SNIFFED)
        is_whole = len(head) < _SNIFFED
    is_lines = suffix in (".jsonl", ".ndjson") or folder.named
    return sniff(head, is_csv=is_csv, is_whole=is_whole, is_lines=is_lines, is_named=folder.named)


def _whole(path: str) -> bytes:
    """Return a document, nothing where it is too large or cannot be read."""
    try:
        return read_bytes(path, MAX_DOCUMENT)
    except OSError:
        return b""


def _runs(folder: Listing, file: str, layout: Layout, *, is_only: bool) -> Iterator[FoundRun]:
    stem = clean_text(os.path.splitext(file)[0])
    own, above = run_names(folder)
    folder_name = own or (folder.parts or ("",))[-1]
    pieces = _pieces(folder.full(file), layout)
    is_folder = is_only and len(pieces) == 1 and not folder.named and len(folder.parts) > 1
    files: Sequence[str] = (file,)
    if len(pieces) == 1 and is_only and layout.rows == "steps" and not folder.named:
        files = (file, *_params(folder, file))
    extra = noted(layout) | file_names(files)
    mark = b"\n".join(folder.head(file).split(b"\n", 2)[:2])
    for place, piece in enumerate(pieces):
        number = f" {place + 1}" if len(pieces) > 1 else ""
        yield FoundRun(
            tuple(files),
            experiment=piece.experiment or (above if is_folder else folder_name),
            name=piece.name or ((own or folder_name) if is_folder else f"{stem}{number}"),
            began=0.0,
            item=item_of(place, mark),
            extra=extra,
        )


def _params(folder: Listing, table: str) -> tuple[str, ...]:
    """Return the file of params that lies beside the only table of a folder."""
    return next(((name,) for name in PARAM_FILES if name in folder.files and name != table), ())


def _pieces(path: str, layout: Layout) -> list[Piece]:
    """Return the runs of a file; one where it is too large to be read for that."""
    only = split_columns(layout)
    try:
        if only is not None and (not only or os.lstat(path).st_size > MAX_SPLIT):
            return [Piece(np.zeros(0, dtype=np.int64))]
        return pieces_of(read_table(path, layout, Faults(""), only=only), layout)
    except OSError:
        return [Piece(np.zeros(0, dtype=np.int64))]
