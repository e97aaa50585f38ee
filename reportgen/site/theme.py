"""Themes: where templates and static files come from, and under which hashed names the static files are published.

A theme is a folder with `theme.toml` (`name`, `description`, `extends`, `[options]`), `templates/` and `static/`. Files
are looked up in the user's override folders first, then in the theme, then in the themes it extends, so that a theme
states only what differs. Themes are trusted code: they come from the installation or from the configuration, never from
a SOURCE. `docs/themes.md` describes them to people.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import rcssmin
import rjsmin

import reportgen
from reportgen.errors import ThemeError
from reportgen.spelling import suggestion

OptionValue = str | int | float | bool

MANIFEST: Final = "theme.toml"
MANIFEST_KEYS: Final = ("name", "description", "extends", "options")
OPTION_KEYS: Final = ("default", "choices", "description")
ASSET_TYPES: Final = frozenset(
    (".css", ".js", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".woff2", ".txt")
)
"""Extensions of the static files that are published; types and manifests that lie beside them are not."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a theme."""

    default: OptionValue
    """Its type is the type that every value must have."""
    choices: tuple[OptionValue, ...] = ()
    """All values that it may take; empty = any of its type."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one theme says of itself in its `theme.toml`."""

    name: str
    folder: Path
    description: str = ""
    extends: str = ""
    """Name of the parent theme, or empty."""
    options: Mapping[str, Option | OptionValue] = field(default_factory=dict)
    """Own options; a bare value is a new default for an inherited option, or declares one without more ado."""


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme, resolved: everything rendering needs, picklable."""

    name: str
    folders: tuple[str, ...]
    """Search path, first wins: user overrides, the theme, its parents."""
    options: Mapping[str, OptionValue]
    assets: Mapping[str, str]
    """Static file (`theme.css`, `vendor/x.js`) -> site path with its hash (`assets/theme.3f9a12bc.css`)."""
    digest: str
    """sha256 over all template and static files and the options: changes when any page may change."""

    def asset(self, name: str) -> str:
        """Return the site path of a static file; raise `ThemeError` for one that the theme does not publish."""
        if name not in self.assets:
            raise ThemeError(_unknown("static file", name, self.assets, "the theme publishes"))
        return self.assets[name]

    def read_asset(self, name: str) -> bytes:
        """Return the bytes of a static file as they are published: relative `url()` in CSS name the hashed files."""
        return _published(name, _find(self.folders, "static", name), self.assets)


def themes_folder() -> Path:
    """Return the folder of the installed themes: in a wheel inside the package, in a checkout beside it."""
    return _themes_of(Path(reportgen.__file__).parent)


@cache
def _themes_of(package: Path) -> Path:
    for folder in (package / "themes", package.parent / "themes"):
        if (folder / "default" / MANIFEST).is_file():
            return folder
    raise ThemeError(f"no themes found beside {package}: install reportgen again")


def installed_themes() -> dict[str, Path]:
    """Return name -> folder of every installed theme, by name."""
    return {f.parent.name: f.parent for f in sorted(themes_folder().glob(f"*/{MANIFEST}"))}


def load_theme(name: str, *, overrides: Sequence[Path] = (), options: Mapping[str, OptionValue] | None = None) -> Theme:
    """Resolve the theme `name` with the user's `overrides` folders in front.

    Raises `ThemeError` for an unknown theme or option, an option's value of another type or outside its choices,
    a cycle in `extends`, or an override folder that is missing or holds neither `templates` nor `static`.
    """
    for folder in overrides:
        _check_override(folder)
    chain = theme_chain(name)
    values = _option_values(name, theme_options(chain), options or {})
    folders = tuple(str(folder) for folder in (*overrides, *(manifest.folder for manifest in chain)))
    assets, digest = _digest_files(folders, values)
    return Theme(name, folders, values, assets, digest)


def _check_override(folder: Path) -> None:
    if not folder.is_dir():
        raise ThemeError(f"theme folder '{folder}' does not exist: create it or remove it from theme_dirs")
    if (folder / MANIFEST).exists():
        raise ThemeError(
            f"theme folder '{folder}' has a {MANIFEST}, but a folder of theme_dirs is no theme: it overrides single"
            f" files of one; remove {MANIFEST} and choose the theme with `theme`"
        )
    if not any((folder / kind).is_dir() for kind in ("templates", "static")):
        raise ThemeError(f"theme folder '{folder}' has neither 'templates' nor 'static': put your files into these")


# ---- manifests and options


def theme_chain(name: str) -> tuple[Manifest, ...]:
    """Return the manifests of the theme `name` and of the themes it extends, nearest first. Raises `ThemeError`."""
    known = installed_themes()
    chain: list[Manifest] = []
    current = name
    while current:
        if current not in known:
            by = f" (extended by {chain[-1].folder / MANIFEST})" if chain else ""
            raise ThemeError(_unknown("theme", current, known, "installed:") + by)
        if any(manifest.name == current for manifest in chain):
            raise ThemeError(f"theme '{name}' extends itself: mend `extends` in {chain[-1].folder / MANIFEST}")
        chain.append(read_manifest(known[current]))
        current = chain[-1].extends
    return tuple(chain)


def theme_options(chain: Sequence[Manifest]) -> dict[str, Option]:
    """Return the options that a chain of manifests declares, the nearest defaults on top, in order of declaration."""
    merged: dict[str, Option] = {}
    for manifest in reversed(chain):
        for name, own in manifest.options.items():
            where = f"{manifest.folder / MANIFEST}: options.{name}"
            if isinstance(own, Option):
                merged[name] = own
            elif name in merged:
                parent = merged[name]
                merged[name] = Option(_checked(where, own, parent), parent.choices, parent.description)
            else:
                merged[name] = Option(own)
    return merged


def read_manifest(folder: Path) -> Manifest:
    """Read the `theme.toml` of an installed theme. Raises `ThemeError` with the file and the key that is wrong."""
    file = folder / MANIFEST
    try:
        data = tomllib.loads(_read(file).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ThemeError(f"{file}: {error}") from None
    texts = {}
    for key, value in data.items():
        if key not in MANIFEST_KEYS:
            raise ThemeError(f"{file}: " + _unknown("key", key, dict.fromkeys(MANIFEST_KEYS), "known:"))
        if key != "options":
            if not isinstance(value, str):
                raise ThemeError(f"{file}: {key}: must be a string")
            texts[key] = value
    if texts.pop("name", folder.name) != folder.name:
        raise ThemeError(f"{file}: name: must be the name of its folder, '{folder.name}'")
    options = data.get("options", {})
    if not isinstance(options, dict):
        raise ThemeError(f"{file}: options: must be a table")
    declared = {name: _option(f"{file}: options.{name}", value) for name, value in options.items()}
    return Manifest(folder.name, folder, options=declared, **texts)


def _option(where: str, value: Any) -> Option | OptionValue:
    if isinstance(value, str | int | float | bool):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("default"), str | int | float | bool):
        raise ThemeError(f"{where}: must be a string, number or boolean, or a table with such a `default`")
    for key in value:
        if key not in OPTION_KEYS:
            raise ThemeError(f"{where}: " + _unknown("key", key, dict.fromkeys(OPTION_KEYS), "known:"))
    default, choices, description = value["default"], value.get("choices", []), value.get("description", "")
    if not isinstance(choices, list) or not isinstance(description, str):
        raise ThemeError(f"{where}: `choices` must be an array and `description` a string")
    if any(type(choice) is not type(default) for choice in choices) or (choices and default not in choices):
        raise ThemeError(f"{where}: `choices` must be of the default's type and hold the default")
    return Option(default, tuple(choices), description)


def _option_values(
    theme: str, declared: Mapping[str, Option], given: Mapping[str, OptionValue]
) -> dict[str, OptionValue]:
    values = {name: option.default for name, option in declared.items()}
    for name, value in given.items():
        if name not in declared:
            raise ThemeError(_unknown("theme option", name, declared, f"theme '{theme}' knows"))
        values[name] = _checked(f"theme option '{name}'", value, declared[name])
    return values


_TYPE_NAMES: Final = {str: "a string", bool: "true or false", int: "an integer", float: "a number"}


def _checked(where: str, value: OptionValue, option: Option) -> OptionValue:
    """Return `value` as the option's type, an integer being a number too. Raises `ThemeError`."""
    if isinstance(option.default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(option.default):
        raise ThemeError(f"{where}: must be {_TYPE_NAMES[type(option.default)]}, not {_TYPE_NAMES[type(value)]}")
    if option.choices and value not in option.choices:
        near = suggestion(str(value), map(str, option.choices))
        raise ThemeError(f"{where}: unknown value '{value}':{near} choose one of {', '.join(map(str, option.choices))}")
    return value


# ---- files


def _digest_files(folders: Sequence[str], options: Mapping[str, OptionValue]) -> tuple[dict[str, str], str]:
    """Return the names of the published static files, and the digest of all that a page may depend on.

    Templates count in every folder, the hidden ones too: a template may extend the one that it overrides.
    """
    digest = hashlib.sha256(repr(sorted(options.items())).encode())
    for depth, folder in enumerate(folders):
        for file in _files(folder, "templates"):
            data = _read(Path(folder, "templates", file))
            digest.update(f"\0{depth} templates/{file}\0{hashlib.sha256(data).hexdigest()}".encode())
    names = {
        f for folder in folders for f in _files(folder, "static") if posixpath.splitext(f)[1].lower() in ASSET_TYPES
    }
    assets: dict[str, str] = {}
    for file in sorted(names, key=lambda f: (f.lower().endswith(".css"), f)):  # CSS last: it names the others
        data = _published(file, _find(folders, "static", file), assets)
        file_digest = hashlib.sha256(data).hexdigest()
        assets[file] = _hashed_name(file, file_digest)
        digest.update(f"\0static/{file}\0{file_digest}".encode())
    return assets, digest.hexdigest()


_CSS_LINKS: Final = re.compile(
    r"""/\*.*?\*/|(@import)\b|\burl\(\s*(["']?)([^"')]*)\2\s*\)""", re.DOTALL | re.IGNORECASE
)


def _published(file: str, source: Path, assets: Mapping[str, str]) -> bytes:
    """Return the static file `source` as it is published; `assets` must know what a style sheet refers to.

    Scripts and style sheets of installed themes lose their comments and indentation; libraries in `vendor/` and the
    files of a user's folders stay as they came, since no tests tell that they survive it.
    """
    data = _read(source)
    extension = posixpath.splitext(file)[1].lower()
    own = not file.startswith("vendor/") and source.is_relative_to(themes_folder())
    if extension == ".js" and own:
        return str(rjsmin.jsmin(_decoded(file, data))).encode()
    if extension != ".css":
        return data

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            raise ThemeError(f"static/{file}: @import is not supported: link the style sheet in block `head` instead")
        target = (match[3] or "").strip()
        if not target or re.match(r"[a-z]+:|[/#]", target, re.IGNORECASE):
            return match[0]
        path = re.split("[?#]", target, maxsplit=1)[0]
        name = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        if name not in assets:
            raise ThemeError(f"static/{file}: url({target}) names no file of the theme: add 'static/{name}'")
        return f'url("{posixpath.basename(assets[name])}{target[len(path) :]}")'

    text = _CSS_LINKS.sub(replace, _decoded(file, data))
    return str(rcssmin.cssmin(text) if own else text).encode()


def _decoded(file: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ThemeError(f"static/{file}: not UTF-8 at byte {error.start + 1}: save the file as UTF-8") from None


def _unknown(what: str, name: str, choices: Mapping[str, object], lead: str) -> str:
    return f"unknown {what} '{name}':{suggestion(name, choices)} {lead} {', '.join(sorted(choices)) or 'none'}"


def _files(folder: str, kind: str) -> list[str]:
    """Return the files in a folder's `templates` or `static`, hidden ones apart, in a fixed order."""
    root = Path(folder, kind)
    found = (f.relative_to(root) for f in root.rglob("*") if f.is_file())
    return sorted(f.as_posix() for f in found if not any(part.startswith(".") for part in f.parts))


def _find(folders: Sequence[str], kind: str, name: str) -> Path:
    for folder in folders:
        file = Path(folder, kind, name)
        if file.is_file():
            return file
    raise ThemeError(f"the theme has no file '{kind}/{name}'; looked in {', '.join(folders)}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ThemeError(f"{file}: cannot be read ({error.strerror})") from None


def _hashed_name(file: str, digest: str) -> str:
    """Return the site path of a static file: its name made plain and short enough for `urls.is_site_path`."""
    stem, extension = posixpath.splitext(file.lower())
    plain = re.sub(r"[^a-z0-9._-]+", "-", stem.replace("/", "-")).strip("._-")[:50] or "file"
    return f"assets/{plain}.{digest[:8]}{extension}"
