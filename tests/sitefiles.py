"""What a built site says of itself, read and changed by tests: `data/site.json` and its packs."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from reportgen.model import Summary
from reportgen.site.data.summaries import encode_summaries
from reportgen.site.packs import read_summaries
from reportgen.sources.packs import list_packs, pack_path, split_pack


def read_document(site: Path) -> dict[str, Any]:
    """Return `data/site.json`."""
    found: dict[str, Any] = orjson.loads((site / "data" / "site.json").read_bytes())
    return found


def write_document(site: Path, document: Mapping[str, Any]) -> None:
    (site / "data" / "site.json").write_bytes(orjson.dumps(document))


def pack_files(site: Path) -> list[Path]:
    """Return the packs that a site lists, by name."""
    return [site / ref.path for ref in list_packs(read_document(site))[0]]


def read_heads(site: Path) -> list[dict[str, Any]]:
    """Return what the packs of a site say of runs and experiments."""
    return [split_pack(file.read_bytes())[0] for file in pack_files(site)]


def read_entries(site: Path) -> dict[str, dict[str, Any]]:
    """Return run key -> what a site notes of the run."""
    return {key: entry for head in read_heads(site) for key, entry in head["runs"].items()}


def read_files(site: Path) -> dict[str, str]:
    """Return path -> sha256 of every file of a site but `data/site.json`, as it lists them."""
    document = read_document(site)
    files = {**document["files"], **{ref.path: ref.sha256 for ref in list_packs(document)[0]}}
    for head in read_heads(site):
        for entry in (*head["runs"].values(), *head["experiments"].values()):
            files |= entry["files"]
    return files


def site_summaries(site: Path) -> tuple[Summary, ...]:
    """Return the summaries of all runs of a site."""
    return tuple(summary for file in pack_files(site) for summary in read_summaries(file.read_bytes()))


def write_pack(site: Path, name: str, runs: Mapping[str, Any], *, rest: bytes = b"") -> None:
    """Write a pack of `runs`, and list it in the site's `data/site.json`."""
    head = {"format": 1, "experiments": {}, "runs": runs}
    data = gzip.compress(orjson.dumps(head) + b"\n", mtime=0) + rest
    _list_pack(site, name, data, [])


def add_summaries(site: Path, summaries: Sequence[Summary], *, block: int = 1000) -> None:
    """Add packs of runs to a site that nothing but their summaries is known of: no record and no page."""
    known = next(iter(read_entries(site).values()))
    for at in range(0, len(summaries), block):
        own = summaries[at : at + block]
        runs = {
            run.key: {
                **known,
                "id": run.run_id,
                "name": run.name,
                "experiment": run.experiment,
                "start": run.start_time,
            }
            for run in own
        }
        write_pack(site, f"mixed-{100 + at // block}", runs, rest=encode_summaries(own))


def change_packs(site: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Let `change` have the head of each pack, and list what it makes of it."""
    for ref in list_packs(read_document(site))[0]:
        head, rest = split_pack((site / ref.path).read_bytes())
        change(head)
        (site / ref.path).unlink()
        _list_pack(site, ref.name, gzip.compress(orjson.dumps(head) + b"\n", mtime=0) + rest, list(ref.experiments))


def _list_pack(site: Path, name: str, data: bytes, experiments: list[str]) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    path = site / pack_path(name, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    document = read_document(site)
    document["packs"][name] = {"sha256": sha256, "experiments": experiments}
    write_document(site, document)
