"""Templates to bytes: the only importer of jinja2.

A template gets one documented dataclass as `page`, and what every page shares: `site`, `link`, `asset`, `options` and
the text filters. It may loop and ask, nothing more. Autoescape is on for every template; only strings that
`charts` and `prose` made are marked as safe, by the page makers, through `markupsafe.Markup`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2.bccache import Bucket

import reportgen
from reportgen.errors import ThemeError
from reportgen.site import text, urls
from reportgen.site.theme import MANIFEST, Theme


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """What every page knows of the site: nothing that depends on the runs."""

    title: str
    version: str = reportgen.__version__


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders pages of one site with one theme; picklable, so that worker processes can have one."""

    site: SiteInfo
    theme: Theme
    compiled: str | None = None
    """Folder that keeps compiled templates between builds, for the next one to start sooner; None keeps none."""

    def render(self, template: str, page: object, *, path: str) -> bytes:
        """Return the UTF-8 bytes of the page at site path `path`."""
        env = _environment(self.theme.folders, self.theme.digest)
        # Asked only for templates that no build of this process has rendered yet.
        env.bytecode_cache = _TemplateCache(self.compiled) if self.compiled is not None else None

        def link(target: str) -> str:
            return urls.relative(target, path)

        def asset(name: str) -> str:
            return urls.relative(self.theme.asset(name), path)

        context: dict[str, Any] = {
            "page": page,
            "path": path,
            "site": self.site,
            "options": self.theme.options,
            "link": link,
            "asset": asset,
            "urls": urls,
        }
        try:
            page_text = env.get_template(template).render(context)
        except jinja2.TemplateError as error:
            raise ThemeError(_explain(error, template)) from error
        page_bytes = page_text.encode()
        # Looking for what is nearly never there must not cost as much as a search through the text.
        if len(page_bytes.translate(None, _CONTROLS)) != len(page_bytes):
            page_bytes = page_text.translate(dict.fromkeys(_CONTROLS, "\ufffd")).encode()
        return page_bytes


_CONTROLS: Final = bytes({*range(32), 127} - {9, 10, 13})
"""Characters that HTML forbids; a log may hold them."""


def _explain(error: jinja2.TemplateError, template: str) -> str:
    """Return what is wrong with a template, and where: the innermost line of a template that was being rendered."""
    file, line = getattr(error, "filename", None) or template, getattr(error, "lineno", 0)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(".html"):
            file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return f"{file}:{line}: {error.message}: correct the template, or remove its folder from theme_dirs"


class _TemplateCache(jinja2.FileSystemBytecodeCache):
    """Compiled templates in a folder; one that cannot be read or written costs time and nothing else."""

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)


@lru_cache(maxsize=4)
def _environment(folders: tuple[str, ...], digest: str) -> jinja2.Environment:  # noqa: ARG001
    """Return what renders the templates in `folders`, which are read once for each `digest` of the theme."""
    searched = jinja2.FileSystemLoader([Path(f) / "templates" for f in folders])
    themes = {
        Path(f).name: jinja2.FileSystemLoader(Path(f) / "templates") for f in folders if (Path(f) / MANIFEST).is_file()
    }
    env = jinja2.Environment(
        # `default/run.html` is that theme's own template, so that one that overrides it can extend it too
        loader=jinja2.ChoiceLoader([searched, jinja2.PrefixLoader(themes)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    env.filters.update(
        number=text.format_number,
        param=text.format_param,
        duration=text.format_duration,
        size=text.format_size,
        when=text.format_time,
        iso=text.iso_time,
        count=text.format_count,
    )
    return env
