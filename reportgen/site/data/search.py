"""What the search looks through: a text for each experiment and each run, lines of what a reader may remember.

Texts are cut, since the file is loaded as a whole: what a table or a page shows is found there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

import orjson

from reportgen.analysis.groups import is_seed
from reportgen.errors import FormatError
from reportgen.model import Experiment, ParamValue, Summary
from reportgen.prose import plain_text
from reportgen.query.frame import shown_ms
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.encoding import pack, script
from reportgen.site.pages.columns import cut_text, name_of, title_of_experiment
from reportgen.site.text import format_param

MAX_LINE: Final = 200
"""Characters of a value."""
MAX_LINES: Final = 100
"""Params of a run, and tags."""
MAX_DESCRIPTION: Final = 2_000


def search_chunk(experiments: Sequence[Experiment], config: Config) -> str:
    """Return, packed, what the search knows of some experiments, which come in the order of the home page.

    Runs stand newest start first.
    """
    number = {experiment.name: i for i, experiment in enumerate(experiments)}
    differing = [_differing_params(experiment) for experiment in experiments]
    runs = sorted((run for own in experiments for run in own.runs), key=lambda run: (-run.start_time, run.key))
    return pack(
        {
            "experiments": {
                "title": [title_of_experiment(e.name) for e in experiments],
                "page": [urls.experiment_page(e.name) for e in experiments],
                "text": [plain_text(config.experiment(e.name).description, MAX_DESCRIPTION) for e in experiments],
            },
            "runs": {
                "name": [name_of(run) for run in runs],
                "page": [urls.run_page(run.key, run.name) for run in runs],
                "experiment": [number[run.experiment] for run in runs],
                "status": [run.status for run in runs],
                "start": [int(shown_ms(run.start_time)) // 1000 for run in runs],
                "text": ["\n".join(_lines(run, differing[number[run.experiment]])) for run in runs],
            },
        }
    )


def search_script(chunks: Mapping[str, str]) -> bytes:
    """Return `data/search.js`: the chunks, by the name of the packs that hold the same experiments."""
    return script("search", dict(sorted(chunks.items())))


def read_chunks(data: bytes) -> dict[str, str]:
    """Return the chunks of a `data/search.js`. Raises `FormatError` for anything else."""
    try:
        chunks = orjson.loads(data[data.index(b",") + 1 : data.rindex(b")")])
    except ValueError as error:
        raise FormatError(f"{urls.SEARCH_JS} cannot be read: {error}") from None
    if not isinstance(chunks, dict) or not all(isinstance(chunk, str) for chunk in chunks.values()):
        raise FormatError(f"{urls.SEARCH_JS} cannot be read: it holds no chunks")
    return chunks


def _differing_params(experiment: Experiment) -> Sequence[str]:
    """Return the params that tell runs apart, seeds last; all params of a run that is alone."""
    if len(experiment.runs) == 1:
        return tuple(experiment.constant_params)[:MAX_LINES]
    return sorted(experiment.varying_params, key=is_seed)[:MAX_LINES]


def _lines(run: Summary, params: Sequence[str]) -> Iterator[str]:
    """Yield `name=value` of params and tags, then note, user, commit and run id; a line has no break in it."""
    for name in params:
        if name in run.params:
            yield _line(name, run.params[name])
    for name, value in list(run.tags.items())[:MAX_LINES]:
        yield _line(name, value)
    yield from (" ".join(text.split()) for text in (run.note, run.user, run.commit, run.run_id) if text)


def _line(name: str, value: ParamValue) -> str:
    # Numbers repeat and take long to write. 0.0 and -0.0 are one key and two texts: what equals zero is not looked up.
    return _make_line(name, value) if isinstance(value, str) or not value else _cached_line(name, value)


def _make_line(name: str, value: ParamValue) -> str:
    return " ".join(f"{name}={cut_text(format_param(value), MAX_LINE)}".split())


_cached_line: Final = lru_cache(maxsize=4096, typed=True)(_make_line)
