"""The plan of a build: which runs are read with which relatives, what their files depend on, what is in site.json.

It recognises an unchanged site, so it must not import what draws and renders. The pages about many runs are planned in
`overviews`; with `urls`, these are the only places that know what stands where.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

import reportgen
from reportgen.capture.redaction import REDACTION_VERSION
from reportgen.formats import SITE_FORMAT
from reportgen.model import Edit, Edits, Problem, Relative
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.folder import PreviousSite
from reportgen.site.theme import Theme
from reportgen.sources import RunRef
from reportgen.sources.edits import NO_EDITS, encode_edits
from reportgen.sources.kinds import other_kinds, package_of
from reportgen.sources.packs import PackRef, RunEntry

LIBRARIES: Final = ("jinja2", "markdown-it-py", "markupsafe", "numpy", "orjson")
"""What the bytes of a run's files depend on, beside our own code."""


@dataclass(frozen=True, slots=True)
class RunJob:
    """One run to read, with the relatives that its page names."""

    ref: RunRef
    parent: Relative | None
    children: tuple[Relative, ...]


def site_stamp(config: Config, theme: Theme) -> str:
    """Return the digest of all that decides how the same run looks: versions, code, configuration, theme.

    Runs of a site with another stamp are read and rendered anew. How large the site may be is no part of it.
    """
    digest = hashlib.sha256()
    parts = [f"{name} {version(name)}" for name in LIBRARIES]
    parts += [f"Python {sys.version_info[0]}.{sys.version_info[1]}", f"zlib {zlib.ZLIB_RUNTIME_VERSION}"]
    digest.update(repr((SITE_FORMAT, REDACTION_VERSION, reportgen.__version__, parts)).encode())
    digest.update(f"{replace(config, max_site_mb=None).digest()} {theme.digest}".encode())
    digest.update(code_digest().encode())
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """Return the digest of reportgen's own code, and of the packages that add kinds of logs by their versions.

    A changed checkout, or another version of such a package, makes its sites anew.
    """
    digest = hashlib.sha256()
    package = Path(reportgen.__file__).parent
    for file in sorted(package.rglob("*.py"), key=lambda f: f.relative_to(package).as_posix()):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    for name, point in other_kinds().items():
        digest.update(f"{name}\0{package_of(point)}\0".encode())
    return digest.hexdigest()


class Head(Protocol):
    """What the plan has to know of a run: one that was found, or one that a site holds."""

    @property
    def key(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def experiment(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def parent_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Family:
    """The relatives of a run that are in the site."""

    parent: Relative | None = None
    children: tuple[Relative, ...] = ()
    """By name, then key."""


NO_FAMILY: Final = Family()


def find_families(heads: Sequence[Head]) -> dict[str, Family]:
    """Return key -> relatives of each run that has some."""
    by_id = {head.run_id: head for head in heads}
    parents: dict[str, Relative] = {}
    children: dict[str, list[Relative]] = {}
    for head in heads:
        if head.parent_id and head.parent_id != head.run_id and head.parent_id in by_id:
            parent = by_id[head.parent_id]
            parents[head.key] = _relative(parent)
            children.setdefault(parent.key, []).append(_relative(head))
    return {
        key: Family(parents.get(key), tuple(sorted(children.get(key, ()), key=lambda r: (r.name, r.key))))
        for key in parents.keys() | children.keys()
    }


def plan_runs(refs: Sequence[RunRef]) -> list[RunJob]:
    """Return one job a run, with its parent and its children."""
    families = find_families(refs)
    return [plan_run(ref, families) for ref in refs]


def plan_run(ref: RunRef, families: Mapping[str, Family]) -> RunJob:
    """Return the job of one run, with its relatives among `families`."""
    family = families.get(ref.key, NO_FAMILY)
    return RunJob(ref, family.parent, family.children)


def _relative(head: Head) -> Relative:
    return Relative(head.key, head.name, head.run_id)


def run_stamp(head: Head, family: Family, fingerprint: Iterable[str], edits: Sequence[tuple[str, Edit]] = ()) -> str:
    """Return the digest of what one run's files depend on, beside the site's stamp."""
    relatives = [(r.key, r.name, r.run_id) for r in ((family.parent,) if family.parent else ()) + family.children]
    identity = (head.run_id, head.experiment, head.name, bool(family.parent))
    corrections = [(key, tuple(edit.tags.items()), edit.note) for key, edit in edits]
    parts = (identity, relatives, tuple(fingerprint), corrections)
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def job_stamp(job: RunJob, fingerprint: Iterable[str]) -> str:
    """Return the `run_stamp` of a run that is to be read."""
    return run_stamp(job.ref, Family(job.parent, job.children), fingerprint, job.ref.edits)


# ---- data/site.json


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What a whole site depends on, beside its runs."""

    config: Config
    stamp: str
    """`site_stamp` of configuration, theme and versions."""
    problems: tuple[Problem, ...]
    """Problems of files that belong to no run."""
    omitted: int
    edits: Edits = NO_EDITS
    """Corrections of runs, and keys of runs that were forgotten."""


@dataclass(frozen=True, slots=True)
class SiteContent:
    """What a site holds."""

    entries: Mapping[str, RunEntry]
    """Run key -> what is said of the run."""
    experiments: int
    problems: tuple[Problem, ...]
    """All problems, those of runs included."""
    packs: Mapping[str, PackRef]
    """Name -> pack."""
    owned: Collection[str]
    """Site paths that the packs list, since they belong to a run or an experiment."""


def encode_site(facts: SiteFacts, content: SiteContent, files: Mapping[str, str]) -> bytes:
    """Return `data/site.json`, the commit point of a build; `files` gives site path -> sha256 of all other files."""
    named = {pack.path for pack in content.packs.values()}
    document = {
        "format": SITE_FORMAT,
        "reportgen": reportgen.__version__,
        "redaction": REDACTION_VERSION,
        "stamp": facts.stamp,
        "config": facts.config.describe(),
        "config_sha256": facts.config.digest(),
        "runs": len(content.entries),
        "experiments": content.experiments,
        "omitted": facts.omitted,
        "problems": facts.problems,
        "packs": {
            name: {"sha256": pack.sha256, "experiments": pack.experiments}
            for name, pack in sorted(content.packs.items())
        },
        "files": {path: files[path] for path in sorted(files) if path not in content.owned and path not in named},
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def same_look(previous: PreviousSite | None, facts: SiteFacts) -> bool:
    """Tell whether the earlier site was made by the same versions, configuration and theme."""
    return previous is not None and previous.document.get("stamp") == facts.stamp


def _edits_digest(edits: Edits) -> str | None:
    return hashlib.sha256(encode_edits(edits)).hexdigest() if edits else None


def same_site(document: Mapping[str, Any], facts: SiteFacts) -> bool:
    """Tell whether the site of `document` was made from the same `facts`."""
    return (
        document.get("stamp") == facts.stamp
        and document.get("config_sha256") == facts.config.digest()
        and document.get("omitted") == facts.omitted
        and document.get("problems") == orjson.loads(orjson.dumps(facts.problems))
        and document["files"].get(urls.EDITS) == _edits_digest(facts.edits)
    )
