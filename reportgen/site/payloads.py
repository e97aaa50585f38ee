"""Data files of a site as a document that is one file holds them: links between pages are fragments.

Payloads in, payloads out, no I/O; `docs/data-format.md` describes them. Made for files of this very build: they are
taken to be whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

from reportgen.site.data.encoding import pack, script, unpack

_CALL: Final = b"reportgen.data("

Pages = Mapping[str, str]
"""Site path -> id of the part that the page became."""


def read_payload(file: bytes) -> tuple[str, Any]:
    """Return id and payload of a data file."""
    inside = file.strip().removeprefix(_CALL).removesuffix(b";").removesuffix(b")")
    name, payload = orjson.loads(b"[" + inside + b"]")
    return name, payload


def write_payload(name: str, payload: Any) -> str:
    """Return the call that hands `payload` to the scripts; nothing in it ends a script element."""
    return script(name, payload).decode().strip().replace("<", "\\u003c")


def cut_index(index: Mapping[str, Any], experiments: Collection[str], pages: Pages) -> dict[str, Any]:
    """Return the index of a site with the experiments in `experiments` (short keys) alone."""
    kept = [{**e, "page": _fragment(e["page"], pages)} for e in index["experiments"] if e["k"] in experiments]
    return {**index, "experiments": kept, "dropped": []}


def place_table(text: str, pages: Pages) -> str:
    """Return an experiment's table, packed as in its file, with its pages as fragments.

    It keeps the runs that are not in the document: ranks, spreads and colours are said of all runs.
    """
    table = unpack(text)
    runs = table["runs"]
    keys = [page[-15:-5] for page in runs["page"]]  # a file leaves them out, since they stand in the addresses
    runs = {"k": keys, **runs, "page": [_fragment(page, pages) for page in runs["page"]]}
    return pack({**table, "page": _fragment(table["page"], pages), "runs": runs})


def place_run(run: Mapping[str, Any], pages: Pages, pictures: Collection[str]) -> dict[str, Any]:
    """Return a run's file with its page as a fragment, and with only those files published that `pictures` names."""
    about = unpack(run["about"])
    artifacts = [
        a if a["published"] in pictures else {**a, "published": None, "reason": a["reason"] or "not in this file"}
        for a in about["artifacts"]
    ]
    return {**run, "about": pack({**about, "page": _fragment(about["page"], pages), "artifacts": artifacts})}


def _fragment(page: str, pages: Pages) -> str:
    """Return the link to a page in the document, empty for one that is not in it."""
    return f"#{pages[page]}" if page in pages else ""
