"""The plan of a build: which runs are read with which relatives, what their files depend on, what is in site.json.

It recognises an unchanged site, so it must not import what draws and renders. The pages about many runs are planned in
`overviews`; with `urls`, these are the only places that know what stands where.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

import reportgen
from reportgen.capture.redaction import REDACTION_VERSION
from reportgen.formats import SITE_FORMAT
from reportgen.model import Problem, Relative
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.folder import PreviousSite
from reportgen.site.theme import Theme
from reportgen.sources import RunRef
from reportgen.sources.kinds import other_kinds, package_of

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


def plan_runs(refs: Sequence[RunRef]) -> list[RunJob]:
    """Return one job a run, with its parent and its children (by name, then key)."""
    by_id = {ref.run_id: ref for ref in refs}
    children: dict[str, list[Relative]] = {}
    for ref in refs:
        if ref.parent_id in by_id and ref.parent_id != ref.run_id:
            children.setdefault(ref.parent_id, []).append(_relative(ref))
    return [
        RunJob(
            ref,
            _relative(by_id[ref.parent_id]) if ref.parent_id in by_id and ref.parent_id != ref.run_id else None,
            tuple(sorted(children.get(ref.run_id, ()), key=lambda r: (r.name, r.key))),
        )
        for ref in refs
    ]


def _relative(ref: RunRef) -> Relative:
    return Relative(ref.key, ref.name, ref.run_id)


def job_stamp(job: RunJob, fingerprint: Iterable[str]) -> str:
    """Return the digest of what one run's files depend on, beside the site's stamp."""
    relatives = [(r.key, r.name, r.run_id) for r in ((job.parent,) if job.parent else ()) + job.children]
    identity = (job.ref.run_id, job.ref.experiment, job.ref.name, bool(job.parent))
    return hashlib.sha256(repr((identity, relatives, tuple(fingerprint))).encode()).hexdigest()[:32]


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


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What `data/site.json` says of one run."""

    sources: tuple[str, ...]
    """What the run was read from: sha256 of each original file."""
    record: str
    sha256: str
    """sha256 of the record."""
    page: str
    stamp: str
    """`job_stamp` of the run."""
    files: tuple[str, ...]
    """Site paths of all files of the run."""
    twin_of: str = ""
    """Key of the run that has the same id and another history, where that run has the id's own key."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Site path -> size in bytes of each tile that was left out to keep the site below `max_site_mb`."""


@dataclass(frozen=True, slots=True)
class SiteContent:
    """What a site holds, as `data/site.json` tells it."""

    entries: Mapping[str, RunEntry]
    """Run key -> what is said of the run."""
    experiments: int
    problems: tuple[Problem, ...]
    """All problems, those of runs included."""
    notices: tuple[Problem, ...] = ()
    """What is to be said of the configuration beside these runs; it stands on no page."""


def encode_site(facts: SiteFacts, content: SiteContent, files: Mapping[str, str]) -> bytes:
    """Return `data/site.json`, the commit point of a build; `files` gives site path -> sha256 of all outputs."""
    document = {
        "format": SITE_FORMAT,
        "reportgen": reportgen.__version__,
        "redaction": REDACTION_VERSION,
        "stamp": facts.stamp,
        "config": facts.config.describe(),
        "config_sha256": facts.config.digest(),
        "omitted": facts.omitted,
        "experiments": content.experiments,
        "problems": facts.problems,
        "all_problems": content.problems,
        "notices": content.notices,
        "runs": dict(sorted(content.entries.items())),
        "files": dict(sorted(files.items())),
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def same_look(previous: PreviousSite | None, facts: SiteFacts) -> bool:
    """Tell whether the earlier site was made by the same versions, configuration and theme."""
    return previous is not None and previous.document.get("stamp") == facts.stamp


def same_site(document: Mapping[str, Any], facts: SiteFacts) -> bool:
    """Tell whether the site of `document` was made from the same `facts`."""
    return (
        document.get("stamp") == facts.stamp
        and document.get("config_sha256") == facts.config.digest()
        and document.get("omitted") == facts.omitted
        and document.get("problems") == orjson.loads(orjson.dumps(facts.problems))
    )


def decode_content(document: Mapping[str, Any]) -> SiteContent:
    """Return what a `data/site.json` tells of; entries that are not well-formed are left out."""
    entries = {}
    for key, entry in document["runs"].items():
        try:
            entries[key] = RunEntry(**{**entry, "sources": tuple(entry["sources"]), "files": tuple(entry["files"])})
        except (KeyError, TypeError):
            continue
        if not _are_tiles(entries[key].dropped):
            del entries[key]
    try:
        problems, notices = (tuple(Problem(**p) for p in document[name]) for name in ("all_problems", "notices"))
        return SiteContent(entries, int(document["experiments"]), problems, notices)
    except (KeyError, TypeError, ValueError):
        return SiteContent(entries, 0, ())


def _are_tiles(value: object) -> bool:
    """Tell whether `value` maps site paths of tiles to their sizes."""
    return isinstance(value, dict) and all(
        urls.is_site_path(path) and urls.is_tile(path) and type(size) is int and size >= 0
        for path, size in value.items()
    )
