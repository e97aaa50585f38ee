"""The output folder as it was found: what lies there, and what the last build says it wrote. Looks, never writes.

Whatever lies in the folder is untrusted, since sites come from pull requests and from other people. A path that a file
of the folder names counts only with the shape of a path that a build writes, and nothing is reached through a symbolic
link inside the folder. (The folder itself may be one.)
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from reportgen.collector import without_collector
from reportgen.errors import FormatError, SiteError
from reportgen.formats import SITE_FORMAT
from reportgen.site import urls
from reportgen.site.packs import ExperimentEntry, decode_experiments
from reportgen.sources.packs import PackRef, RunEntry, decode_entries, list_packs, read_pack_file, split_pack
from reportgen.sources.statcache import open_regular

NOJEKYLL: Final = ".nojekyll"
"""Empty file that tells GitHub Pages to publish the folder as it is."""
MAX_OBJECT_BYTES: Final = 256 * 2**20
"""Longest `data/site.json` or journal that is read."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SIGNS: Final = (NOJEKYLL, urls.HOME, urls.SEARCH_JS)
_NO_CONTENT: Final = frozenset(
    {".git", ".gitignore", ".gitattributes", ".gitkeep", "CNAME", ".DS_Store", "Thumbs.db", "desktop.ini", "lost+found"}
)


@dataclass(frozen=True, slots=True)
class PreviousSite:
    """What `data/site.json` of a site and its packs say; only shapes were checked."""

    document: Mapping[str, Any]
    """`data/site.json` as it stands, untrusted."""
    files: Mapping[str, str]
    """Path -> sha256 of all that the build wrote, but for `data/site.json`; entries of another shape were dropped."""
    site_files: Mapping[str, str]
    """The same of files that belong to no run, no experiment and no pack."""
    packs: Mapping[str, PackRef]
    """Name -> pack, of those that could be read."""
    entries: Mapping[str, RunEntry]
    """Run key -> what the build noted of the run."""
    experiments: Mapping[str, ExperimentEntry]
    """Name -> what the build noted of the experiment."""
    members: Mapping[str, Mapping[str, RunEntry]]
    """Name of a pack -> its runs, by key."""
    described: Mapping[str, Mapping[str, ExperimentEntry]]
    """Name of a pack -> the experiments that are described in it, by name."""
    pack_of: Mapping[str, str]
    """Run key -> name of its pack."""
    broken: tuple[str, ...] = ()
    """Paths of packs that are missing, or not what `data/site.json` lists."""
    dropped: int = 0
    """How many entries have not the shape of one, and were dropped."""


class SiteFolder:
    """The folder at the absolute path `root`, which may be missing; `name` is what the user calls it."""

    def __init__(self, root: str, name: str) -> None:
        self.root = root
        self.name = name
        self.missing = not os.path.exists(root)
        self._folders: set[str] = {""}  # known to be real folders; only the holder of the lock changes them

    def at(self, path: str) -> str:
        """Return the absolute path of the site path `path`."""
        return os.path.join(self.root, path)

    def is_folder(self, folder: str) -> bool:
        """Tell whether `folder` is a folder of the site that is reached through no symbolic link."""
        if folder in self._folders:
            return True
        if self.missing or not self.is_folder(os.path.dirname(folder)):
            return False
        try:
            if not stat.S_ISDIR(os.lstat(self.at(folder)).st_mode):
                return False
        except OSError:
            return False
        self._folders.add(folder)
        return True

    def regular_file(self, path: str) -> str | None:
        """Return the absolute path of a regular file that is reached through no symbolic link, or None."""
        found = self.look(path)
        return None if found is None else found[0]

    def look(self, path: str) -> tuple[str, os.stat_result] | None:
        """Return absolute path and stat of a regular file that is reached through no symbolic link, or None."""
        folder = path[: max(path.rfind("/"), 0)]
        if folder not in self._folders and not self.is_folder(folder):
            return None
        file = f"{self.root}/{path}"
        try:
            found = os.lstat(file)
        except OSError:
            return None
        return (file, found) if not self.missing and stat.S_ISREG(found.st_mode) else None

    def can_replace(self, path: str) -> bool:
        """Tell whether there is a file at `path`; raise `SiteError` when something else is in the way of one."""
        if self.regular_file(path):
            return True
        if not self.missing:
            for place in (*folders_of(path), path):
                if not self.is_folder(place) and os.path.lexists(self.at(place)):
                    raise self.in_the_way(place)
            if self.is_folder(path):
                raise self.in_the_way(path)
        return False

    def in_the_way(self, path: str) -> SiteError:
        """Return the error for what lies at `path` where a file or a folder of the site belongs."""
        mode = os.lstat(self.at(path)).st_mode
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "not a folder"
        return SiteError(f"'{self.at(path)}' is {kind} where the site needs to write: move it away")

    def foreign_entry(self) -> str | None:
        """Return the name of an entry that makes the folder not empty, or None. Folders without files do not count.

        Nor do hidden entries of reportgen, nor what an orphan branch, a fresh mount or a desktop puts there.
        """
        for name in [] if self.missing else sorted(os.listdir(self.root)):
            if name not in _NO_CONTENT and not name.startswith(".reportgen-") and _holds_file(self.at(name)):
                return name
        return None

    def has_signs(self) -> bool:
        """Tell a site whose `data/site.json` is damaged from a folder of somebody else."""
        return all(self.regular_file(path) for path in (*_SIGNS, urls.SITE_JSON))

    def read_previous(self) -> PreviousSite | None:
        """Return what `data/site.json` says; None when there is none, or it is not what a build writes.

        Raises `SiteError` when a newer version wrote it, since what that one left behind could not be cleared.
        """
        file = self.regular_file(urls.SITE_JSON)
        document = read_object(file) if file else {}
        version, files, packs = document.get("format"), document.get("files"), document.get("packs")
        if type(version) is int and version > SITE_FORMAT:
            raise SiteError(
                f"'{self.name}' was written by a newer reportgen (site format {version}; "
                f"this one knows {SITE_FORMAT}): upgrade reportgen, or choose another folder"
            )
        if type(version) is not int or not isinstance(files, dict) or not isinstance(packs, dict):
            return None
        with without_collector():
            return _Reading(self, document).finish()


class _Reading:
    """One reading of what a site says of itself."""

    def __init__(self, folder: SiteFolder, document: Mapping[str, Any]) -> None:
        self._document = document
        self._members: dict[str, dict[str, RunEntry]] = {}
        self._described: dict[str, dict[str, ExperimentEntry]] = {}
        self._packs: dict[str, PackRef] = {}
        self._files: dict[str, str] = {}
        self._broken: list[str] = []
        refs, self._dropped = list_packs(document)
        for ref in refs:
            data = read_pack_file(folder.root, ref) if folder.regular_file(ref.path) else None
            try:
                self._take(ref, split_pack(data or b"")[0])
            except FormatError:
                self._broken.append(ref.path)

    def _take(self, ref: PackRef, head: Mapping[str, Any]) -> None:
        entries, wrong = decode_entries(head)
        self._dropped += wrong
        own = {
            key: entry
            for key, entry in entries.items()
            if self._are_sound(entry.files) and all(map(_is_tile, entry.dropped))
        }
        described = {name: e for name, e in decode_experiments(head).items() if self._are_sound(e.files)}
        for files in (*(each.files for each in own.values()), *(each.files for each in described.values())):
            self._files.update(files)
        self._members[ref.name], self._described[ref.name] = own, described
        self._packs[ref.name] = ref
        self._files[ref.path] = ref.sha256

    def _are_sound(self, files: Mapping[str, str]) -> bool:
        """Tell whether every path is one that a build writes, and count those that are not."""
        wrong = sum(not urls.is_site_path(path) or path == urls.SITE_JSON for path in files)
        self._dropped += wrong
        return not wrong

    def finish(self) -> PreviousSite:
        listed = self._document["files"]
        own = {path: sha256 for path, sha256 in listed.items() if is_entry(path, sha256) and path != urls.SITE_JSON}
        return PreviousSite(
            document=self._document,
            files={**self._files, **own},
            site_files=own,
            packs=self._packs,
            entries={key: entry for own in self._members.values() for key, entry in own.items()},
            experiments={name: entry for own in self._described.values() for name, entry in own.items()},
            members=self._members,
            described=self._described,
            pack_of={key: name for name, own in self._members.items() for key in own},
            broken=tuple(self._broken),
            dropped=self._dropped + len(listed) - len(own),
        )


def _is_tile(path: str) -> bool:
    return urls.is_site_path(path) and urls.is_tile(path)


def read_object(file: str) -> dict[str, Any]:
    """Return the JSON object in a regular file; an empty one when there is none, or the file is of no use."""
    try:
        descriptor, found = open_regular(file)
        with open(descriptor, "rb") as reader:
            if found.st_size > MAX_OBJECT_BYTES:
                return {}
            value = orjson.loads(reader.read(MAX_OBJECT_BYTES))
    except (OSError, orjson.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def is_entry(path: str, sha256: object) -> bool:
    """Tell whether a pair from a file can be something that a build wrote."""
    return urls.is_site_path(path) and isinstance(sha256, str) and _SHA256.fullmatch(sha256) is not None


def folders_of(path: str) -> Iterator[str]:
    """Yield the folders above `path`, outermost first: `data/runs/k.jsonl.gz` -> `data`, `data/runs`."""
    position = path.find("/")
    while position != -1:
        yield path[:position]
        position = path.find("/", position + 1)


def _holds_file(path: str) -> bool:
    """Tell whether `path` is anything but a folder, or a folder that holds such a thing at any depth."""
    if os.path.islink(path) or not os.path.isdir(path):
        return True
    return any(
        files or any(os.path.islink(os.path.join(folder, name)) for name in folders)
        for folder, folders, files in os.walk(path)
    )
