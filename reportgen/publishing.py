"""A site on a branch of a git repository: runs are added to it, pushed, and added again where somebody else was faster.

The branch holds one commit without parents, so that the repository does not grow with each report. What was there
before stays reachable under `refs/reportgen/previous-1` and so on. Each push states what it replaces
(`--force-with-lease`), and everything goes in one transaction (`--atomic`): a push that comes too late is refused, and
the work begins again with what is there now. No run of either publisher is lost, and nobody has to lock anything.

git does what touches the network, with the credentials that it finds; none passes through here. The work is done in a
repository of its own in a temporary folder: hooks, attributes and line endings of the user's have no part in it.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reportgen.build import BuildResult, Progress, build
from reportgen.capture.redaction import redact_text, strip_credentials
from reportgen.errors import SiteError
from reportgen.patterns import matches
from reportgen.site.config import Config
from reportgen.site.folder import NOJEKYLL

PREVIOUS: Final = "refs/reportgen/previous-{}"
"""Where the site that was replaced is kept, and the ones before it."""
GIT_TIMEOUT_S: Final = 600.0
"""Longest time that one call of git may take."""
_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 20.0
_FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9][A-Za-z0-9_-]*)*")
_OWN_FOLDERS: Final = frozenset("a assets data e h r".split())
"""Names of folders at the top of every site."""
_SETTINGS: Final = {"core.autocrlf": "false", "core.symlinks": "false", "commit.gpgsign": "false", "gc.auto": "0"}
"""Of the repository in which a site is put together: its files are published byte for byte."""
_NOBODY: Final = {"user.name": "reportgen", "user.email": "reportgen@localhost"}
"""Who commits where git has not been told who does."""
_SITE_MARK: Final = "data/site.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done to a branch."""

    sources: tuple[str, ...] = ()
    """Runs to add; without any, folders are dropped and nothing is built."""
    remote: str = "origin"
    """A remote of the repository in the working folder, or an address."""
    branch: str = "gh-pages"
    folder: str = ""
    """Where the site is, below the top of the branch."""
    replace: bool = False
    """Whether the site is to have these runs alone."""
    drop: tuple[str, ...] = ()
    """Patterns of folders whose sites go."""
    spare: tuple[str, ...] = ()
    """Folders that stay, whatever `drop` says."""
    previous: int = 3
    """Sites that are kept under `refs/reportgen/`."""
    attempts: int = 20
    message: str = "Publish reports"


@dataclass(frozen=True, slots=True)
class Published:
    """What was pushed."""

    branch: str
    commit: str
    """The commit that the branch has now."""
    changed: bool
    """False where the branch had all of it already, and nothing was pushed."""
    attempts: int
    site: BuildResult | None
    dropped: tuple[str, ...]
    """Folders whose sites went."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a machine lends to the work."""

    config: Config
    executor: Executor | Callable[[], Executor] | None = None
    progress: Progress | None = None
    on_retry: Callable[[str], None] = lambda _: None
    """Told why the work begins again."""
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = field(default=random.random)
    """A number from 0 to 1, by which publishers that met once do not meet again."""


def publish(request: Request, means: Means) -> Published:
    """Bring a branch up to date and return what it holds now.

    Raises `SiteError` when git cannot reach the repository, refuses the push, or was overtaken `attempts` times; what
    `build` raises comes through.
    """
    _check(request)
    scratch = Path(tempfile.mkdtemp(prefix="reportgen-publish-"))
    try:
        repository = _Repository(request.remote, scratch)
        for attempt in range(1, request.attempts + 1):
            refs = repository.fetch(request)
            done = _try(repository, refs, request, means, attempt, scratch / f"site-{attempt}")
            if isinstance(done, Published):
                return done
            if not _is_busy(done) and repository.read_refs(request) == refs:
                raise SiteError(
                    f"the push to '{request.branch}' was refused ({done}): see what the host allows there; one that"
                    " takes branches alone needs --previous 0"
                )
            means.on_retry(f"'{request.branch}' was changed by another publisher: adding to what is there now")
            pause = min(_LONGEST_WAIT_S, _WAIT_S * 1.5**attempt)
            means.sleep(pause * (0.5 + means.chance()))
        raise SiteError(
            f"'{request.branch}' was changed by others {request.attempts} times in a row: publish again later, or raise"
            " --attempts"
        )
    except OSError as error:
        raise SiteError(
            f"'{error.filename or scratch}' cannot be used ({error.strerror}): see what the disk says"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check(request: Request) -> None:
    if request.folder and not _FOLDER.fullmatch(request.folder):
        raise SiteError(f"'{request.folder}' cannot be a folder of a site: use letters, digits, '-', '_' and '/'")
    first = request.folder.partition("/")[0]
    if first in _OWN_FOLDERS:
        raise SiteError(f"'{first}' is a folder of every site: put this one elsewhere, as in --folder pr/12")
    if not request.sources and not request.drop:
        raise SiteError("nothing to publish: name runs, or folders with --drop")


def _try(
    repository: _Repository, refs: Mapping[str, str], request: Request, means: Means, attempt: int, work: Path
) -> Published | str:
    """Make the branch once; return what git says where the push was refused."""
    head = refs.get(_head(request), "")
    repository.check_out(head, work)
    dropped = _drop(work, request)
    site = _build(work, request, means) if request.sources else None
    tree = repository.write_tree(work)
    shutil.rmtree(work)
    if head and tree == repository.tree_of(head):
        return Published(request.branch, head, False, attempt, site, dropped)
    commit = repository.write_commit(tree, request.message)
    refused = repository.push(_updates(refs, commit, request))
    return refused or Published(request.branch, commit, True, attempt, site, dropped)


def _build(work: Path, request: Request, means: Means) -> BuildResult:
    """Add the runs to the site in the folder, or make it of them; files of others, such as other sites, stay."""
    place, apart = work / request.folder, work.with_name(f"{work.name}-part")
    is_site = (place / _SITE_MARK).exists()
    if is_site:  # a build keeps a lock and what it prepares beside the site, where they would be published
        place.rename(apart)
    result = build(
        request.sources,
        apart,
        config=means.config,
        append=not request.replace,
        executor=means.executor,
        progress=means.progress,
        use_cache=False,
    )
    if is_site:
        apart.rename(place)
        return result
    made = sorted(apart.iterdir())
    _check_place(work, place, [path.name for path in made], request)
    place.mkdir(parents=True, exist_ok=True)
    for path in made:
        path.rename(place / path.name)
    return result


def _check_place(work: Path, place: Path, names: Sequence[str], request: Request) -> None:
    """Raise `SiteError` where files that are no site's lie in the way of a new site; an empty marker is no loss."""
    above = [folder for folder in place.relative_to(work).parents if (work / folder).is_file()]
    taken = [name for name in names if (place / name).exists() and name != NOJEKYLL]
    if above or taken or place.is_file():
        first = above[0] if above else Path(request.folder, *taken[:1])
        raise SiteError(
            f"'{first}' on '{request.branch}' is no site's, and would be overwritten: remove it there, or publish to"
            " another --branch or --folder"
        )


def _drop(work: Path, request: Request) -> tuple[str, ...]:
    """Remove the sites in folders that match, and return the folders."""
    sites = sorted(path.parent.parent.relative_to(work).as_posix() for path in work.glob(f"*/**/{_SITE_MARK}"))
    gone = [
        folder
        for folder in sites
        if folder not in request.spare and any(matches(pattern, folder) for pattern in request.drop)
    ]
    for folder in gone:
        shutil.rmtree(work / folder)
    return tuple(gone)


def _head(request: Request) -> str:
    return f"refs/heads/{request.branch}"


def _updates(refs: Mapping[str, str], commit: str, request: Request) -> list[tuple[str, str, str]]:
    """Return (ref, what it is to be, what it is): the branch, and the sites before it, each one place further."""
    updates = [(_head(request), commit, refs.get(_head(request), ""))]
    older = refs.get(_head(request), "")
    for number in range(1, request.previous + 1):
        ref = PREVIOUS.format(number)
        now = refs.get(ref, "")
        if not older:
            break
        updates.append((ref, older, now))
        older = now
    return updates


def _is_busy(told: str) -> bool:
    """Tell whether git lost a race so narrow that the refs are the same again, or are still being written."""
    return any(sign in told for sign in ("cannot lock ref", "stale info", "fetch first", "failed to update ref"))


class _Repository:
    """A bare repository in a temporary folder, and the remote that it fetches from and pushes to."""

    def __init__(self, remote: str, scratch: Path) -> None:
        self._folder = scratch / "repository"
        self._environment = {
            **os.environ,
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            "GIT_INDEX_FILE": str(scratch / "index"),
        }
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"):
            self._environment.pop(name, None)
        self._address = remote if _is_address(remote) else self._address_of(remote)
        self._run("init", "-q", "--bare", str(self._folder), inside=False)
        for name, value in _SETTINGS.items():
            self._run("config", name, value)
        for name, value in _NOBODY.items():
            if not self._try("config", "--get", name)[1].strip():
                self._run("config", name, value)
        (self._folder / "info").mkdir(exist_ok=True)
        (self._folder / "info" / "attributes").write_text("* -text -filter -ident -working-tree-encoding\n")

    def read_refs(self, request: Request) -> dict[str, str]:
        """Return the commits of the branch and of the sites before it, as far as there are any."""
        wanted = [_head(request), *(PREVIOUS.format(number + 1) for number in range(request.previous))]
        told = self._run("ls-remote", "--", self._address, *wanted)
        found = (line.split("\t") for line in told.splitlines())
        return {ref: commit for commit, ref in found if ref in wanted}

    def fetch(self, request: Request) -> dict[str, str]:
        """Fetch the same and return what came; in one go, since these sites share most of their files."""
        refs = self.read_refs(request)
        if refs:
            names = {ref: f"refs/fetched/{number}" for number, ref in enumerate(refs)}
            pairs = [f"+{ref}:{own}" for ref, own in names.items()]
            self._run("fetch", "-q", "--depth=1", "--no-tags", "--", self._address, *pairs)
            refs = {ref: self._run("rev-parse", own) for ref, own in names.items()}  # as they were a moment later
        return refs

    def check_out(self, commit: str, work: Path) -> None:
        """Write the files of a commit into `work`; without one it stays empty."""
        work.mkdir()
        self._run("read-tree", *([commit] if commit else ["--empty"]))
        if commit:
            self._run(f"--work-tree={work}", "checkout-index", "-a", "-u", "-q")

    def write_tree(self, work: Path) -> str:
        """Return the tree of all files in `work`."""
        self._run(f"--work-tree={work}", "-C", str(work), "add", "-A", "-f", ".")
        return self._run("write-tree")

    def tree_of(self, commit: str) -> str:
        """Return the tree of a commit."""
        return self._run("rev-parse", f"{commit}^{{tree}}")

    def write_commit(self, tree: str, message: str) -> str:
        """Return a commit without parents."""
        return self._run("commit-tree", tree, "-m", message)

    def push(self, updates: Sequence[tuple[str, str, str]]) -> str:
        """Push, and return nothing, or what git says of a push that was refused. Raises `SiteError` where it fails."""
        leases = [f"--force-with-lease={ref}:{was}" for ref, _, was in updates]
        names = [f"{commit}:{ref}" for ref, commit, _ in updates]
        status, out, err = self._try("push", "-q", "--porcelain", "--atomic", *leases, "--", self._address, *names)
        if status == 0:
            return ""
        told = _told(f"{out}\n{err}")
        if "rejected" in told or "refused" in told or _is_busy(told):
            return told
        raise SiteError(f"git push to '{strip_credentials(self._address)}' failed: {told}")

    def _address_of(self, remote: str) -> str:
        """Return the address of a remote in the working folder, and take over how git signs in there."""
        status, address, err = self._try("remote", "get-url", "--push", "--", remote, inside=False)
        if status:
            raise SiteError(f"no remote '{remote}' here: name one with --remote, or give its address ({_told(err)})")
        known = r"^(http|credential|user)\.|^core\.sshcommand$"
        settings = self._try("config", "--null", "--get-regexp", known, inside=False)
        pairs = [entry.partition("\n")[::2] for entry in settings[1].split("\0") if entry]
        taken = int(self._environment.get("GIT_CONFIG_COUNT") or 0)
        for number, (name, value) in enumerate(pairs, start=taken):
            self._environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        self._environment["GIT_CONFIG_COUNT"] = str(taken + len(pairs))
        address = address.rstrip("\n")
        return address if "://" in address or re.match(r"[^/]+:", address) else str(Path(address).resolve())

    def _run(self, *arguments: str, inside: bool = True) -> str:
        status, out, err = self._try(*arguments, inside=inside)
        if status:
            name = next((word for word in arguments if not word.startswith("-")), "")
            raise SiteError(f"git {name} of '{strip_credentials(self._address)}' failed: {_told(err)}")
        return out.strip()

    def _try(self, *arguments: str, inside: bool = True) -> tuple[int, str, str]:
        """Return the status and what git wrote. Raises `SiteError` where there is no git, or no answer in time."""
        where = [f"--git-dir={self._folder}"] if inside else []
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", *where, *arguments]
        options: dict[str, Any] = {"env": self._environment, "stdin": subprocess.DEVNULL, "timeout": GIT_TIMEOUT_S}
        try:
            done = subprocess.run(command, capture_output=True, check=False, **options)
        except FileNotFoundError:
            raise SiteError("git is not installed: publishing goes through a git repository") from None
        except subprocess.TimeoutExpired:
            raise SiteError(f"git did not answer within {GIT_TIMEOUT_S:g} s: see whether it can be reached") from None
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def _is_address(remote: str) -> bool:
    """Tell whether `remote` is an address or a path, and no name of a remote."""
    return any(sign in remote for sign in ("/", ":", "\\"))


def _told(text: str) -> str:
    """Return what git said on one line, without secrets and without its advice."""
    lines = filter(None, map(str.strip, text.splitlines()))
    told = " / ".join(line for line in lines if not line.startswith(("hint:", "To ", "Done")))
    return redact_text(told)[0][:500] or "it gave no reason"
