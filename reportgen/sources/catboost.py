"""CatBoost's `catboost_info`: `learn_error.tsv`, `test_error.tsv` and `time_left.tsv` of one training."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import numpy as np

from reportgen.formats import clean_text
from reportgen.model import Stream
from reportgen.sources.documents import file_names, files_by_name, read_bytes, read_columns, to_floats
from reportgen.sources.kinds import Claim, FoundRun, Listing
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tables.naming import run_names

MAX_TABLE: Final = 64 * 2**20
_ERRORS: Final = re.compile(r"(learn|test[0-9]*)_error\.tsv")
_TIMES: Final = "time_left.tsv"
_BESIDE: Final = frozenset({_TIMES, "catboost_training.json"})


class _CatBoost:
    name = "catboost"
    title = "CatBoost"
    about = "`learn_error.tsv` or `test_error.tsv` with the column `iter`, beside `catboost_training.json`"

    def claim(self, folder: Listing) -> Claim | None:
        """Take the folder of one training, with its event files, which say the same again."""
        tables = [name for name in folder.ending(".tsv") if _ERRORS.fullmatch(name)]
        if folder.files.isdisjoint(_BESIDE) or not any(folder.head(name, 5) == b"iter\t" for name in tables):
            return None
        files = (*tables, *(name for name in (_TIMES,) if name in folder.files))
        name, experiment = run_names(folder)
        run = FoundRun(files, experiment=experiment, name=name, extra=file_names(files))
        below = {match[1] for table in tables if (match := _ERRORS.fullmatch(table))} | {"tmp"}
        own = frozenset((*files, *(_BESIDE & folder.files)))
        return Claim((run,), own, frozenset(below) & folder.folders)

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read the errors of each set, `learn/Logloss`, and the time that had passed, in seconds."""
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        for name, path in files_by_name(place).items():
            match = _ERRORS.fullmatch(name)
            try:
                header, columns = read_columns(read_bytes(path, MAX_TABLE), maker.faults, name)
            except OSError as error:
                maker.faults.add(None, f"`{name}` cannot be read: {error.strerror or error}", "check its permissions")
                continue
            wanted = "iter" if match is not None or header[:1] != ["iter"] else "Passed"
            if wanted not in header:
                maker.faults.add(1, f"`{name}` has no column `{wanted}`", "it is damaged: copy it again")
                continue
            steps, wrong = to_floats(columns[header.index("iter")])
            sound = np.isfinite(steps) & (steps == np.floor(steps)) & (np.abs(steps) < 2**53)
            for column, cells in zip(header, columns, strict=True):
                if column == "iter":
                    continue
                values, odd = to_floats(cells)
                wrong += odd
                if match is not None:
                    maker.points(f"{match[1]}/{clean_text(column)}", values[sound], steps=steps[sound].astype(np.int64))
                elif column == "Passed":
                    maker.points("passed_time", values[sound] / 1e3, steps=steps[sound].astype(np.int64))
            if wrong:
                maker.faults.add(None, f"cells of `{name}` are no numbers", "they are shown as NaN", count=wrong)
        return [maker.finish()]


KIND: Final = _CatBoost()
