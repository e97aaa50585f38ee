"""Which run is in which pack, and what stands in a pack. Pure: keys and values in, names and bytes out.

A pack holds what the site knows of its runs without their series, and of its experiments what pages about the whole
site need. Which runs are in it is a function of the set of runs alone, chosen so that one run more changes one pack: an
experiment of more than `OWN_RUNS` runs has packs of its own, blocks of `BLOCK_RUNS` runs in the order of their start,
and is itself described in the last of them. Small experiments share packs, by the digest of their names; so does
everything in a site of up to `BLOCK_RUNS` runs, which has one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from reportgen.errors import FormatError
from reportgen.formats import SITE_FORMAT, short_key
from reportgen.model import Summary
from reportgen.site.data.encoding import gzip_bytes
from reportgen.site.data.summaries import decode_summaries, encode_summaries
from reportgen.site.data.typed import encode_typed
from reportgen.sources.packs import MAX_PACK, RunEntry, is_listing, split_pack

BLOCK_RUNS: Final = 1_000
"""Runs in one pack, in one table for spreadsheets, and in a site that has one table of all runs."""
OWN_RUNS: Final = 250
"""An experiment with more runs has packs of its own, once the site needs several."""
_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class ExperimentEntry:
    """What a site notes of one experiment."""

    stamp: str
    """Digest of what its files depend on, beside the stamp of the site: its runs, by their records and edits."""
    files: Mapping[str, str]
    """Site path of each file about its runs together -> sha256."""
    facts: Mapping[str, Any]
    """`site.facts.ExperimentFacts` as JSON data."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack of the plan."""

    name: str
    experiments: tuple[str, ...]
    """Experiments that are described in it, by name."""
    keys: tuple[str, ...]
    """Its runs: by experiment, then oldest first."""
    holds: tuple[str, ...]
    """Experiments of which it holds runs, by name."""

    @property
    def group(self) -> str:
        """Name for all packs of the same experiments."""
        return group_of(self.name)


def group_of(name: str) -> str:
    """Return what the names of packs of the same experiments have in common: `mixed-<n>`, or the experiment's key."""
    return name if name.startswith("mixed-") else name.rpartition("-")[0]


def list_members(entries: Iterable[RunEntry]) -> dict[str, list[str]]:
    """Return experiment -> keys of its runs, oldest first, experiments by name."""
    members: dict[str, list[str]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.start_time, entry.key)):
        members.setdefault(entry.experiment, []).append(entry.key)
    return dict(sorted(members.items()))


def plan_packs(members: Mapping[str, Sequence[str]]) -> list[Pack]:
    """Return the packs of a site; `members` gives experiment -> keys of its runs, oldest first."""
    total = sum(map(len, members.values()))
    own = [name for name in sorted(members) if total > BLOCK_RUNS and len(members[name]) > OWN_RUNS]
    shared = [name for name in sorted(members) if name not in set(own)]
    packs = []
    for name in own:
        runs = members[name]
        blocks = [tuple(runs[at : at + BLOCK_RUNS]) for at in range(0, len(runs), BLOCK_RUNS)]
        for number, keys in enumerate(blocks):
            described = (name,) if number == len(blocks) - 1 else ()
            packs.append(Pack(f"{short_key(name)}-{number}", described, keys, (name,)))
    return packs + _plan_shared({name: members[name] for name in shared})


def _plan_shared(members: Mapping[str, Sequence[str]]) -> list[Pack]:
    """Return the packs of small experiments: 2^n of them, as few as hold `BLOCK_RUNS` runs each on average."""
    total = sum(map(len, members.values()))
    bits = 0
    while total > BLOCK_RUNS << bits:
        bits += 1
    names: dict[int, list[str]] = {}
    for name in members:
        digest = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:4])
        names.setdefault(digest >> (_BITS - bits), []).append(name)
    packs = []
    for number, own in sorted(names.items()):
        keys = tuple(key for name in own for key in members[name])
        packs.append(Pack(f"mixed-{number}", tuple(own), keys, tuple(own)))
    return packs


def csv_parts(runs: int) -> int:
    """Return in how many files the table of an experiment with so many runs stands."""
    return max(1, -(-runs // BLOCK_RUNS))


# ---- bytes


def encode_pack(
    experiments: Mapping[str, ExperimentEntry], entries: Sequence[RunEntry], summaries: Sequence[Summary]
) -> bytes:
    """Return a pack: two gzip members, each one line of JSON. `entries` and `summaries` are of the same runs."""
    head = {
        "format": SITE_FORMAT,
        "experiments": {
            name: {"stamp": own.stamp, "files": own.files, "facts": own.facts} for name, own in experiments.items()
        },
        "runs": {entry.key: entry.describe() for entry in entries},
    }
    return gzip_bytes(orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE)) + encode_summaries(summaries)


def describe_facts(facts: object) -> dict[str, Any]:
    """Return the facts of an experiment as they stand in a pack."""
    described: dict[str, Any] = encode_typed(facts)
    return described


def decode_experiments(head: Mapping[str, Any]) -> dict[str, ExperimentEntry]:
    """Return name -> entry of the experiments that are described in the head of a pack, the well-formed ones."""
    entries = {}
    for name, value in head["experiments"].items():
        told: dict[str, Any] = value if isinstance(value, dict) else {}
        stamp, files, facts = (told.get(key) for key in ("stamp", "files", "facts"))
        if isinstance(stamp, str) and isinstance(files, dict) and is_listing(files) and isinstance(facts, dict):
            entries[name] = ExperimentEntry(stamp, files, facts)
    return entries


def read_summaries(data: bytes) -> tuple[Summary, ...]:
    """Return the summaries in a pack. Raises `FormatError` for bytes of another kind."""
    _, packed = split_pack(data)
    if not packed:
        raise FormatError("a pack cannot be read: it has no summaries")
    return decode_summaries(packed, max_bytes=MAX_PACK)
