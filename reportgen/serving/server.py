"""The web server of `reportgen serve`: files of one site to browsers on this machine, and the news of its builds.

It answers GET and HEAD on the loopback address alone. A name other than this machine's in `Host` is refused, so that a
web page cannot reach it under a name of its own, and so are requests that another site's page makes. Until there is
a site, every page says what is waited for.
"""

from __future__ import annotations

import http.server
import mimetypes
import os
import re
from functools import cache
from html import escape
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

import reportgen
from reportgen.serving.changes import Changes, News
from reportgen.site import urls

ADDRESS: Final = "127.0.0.1"
HOSTS: Final = frozenset(("127.0.0.1", "localhost", "[::1]"))
"""Names under which a browser on this machine may ask; any port, since it may come through a tunnel."""
LIVE_SCRIPT: Final = "live/live.js"
WAIT_SCRIPT: Final = "live/wait.js"
LIVE_NEWS: Final = "live/news"
PATIENCE_S: Final = 25.0
"""So long a page's question for news stays open."""

_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".txt": "text/plain"}
_POLICY: Final = b"default-src 'none';"
_FIRST_SCRIPT: Final = re.compile(rb"<script src=\"[^\"]*reportgen\.[0-9a-f]+\.js\" defer></script>")
_WAITING: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; connect-src 'self'; \
style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{state}</title>
<link rel="icon" href="data:,">
<script src="/{script}" defer></script>
<noscript><meta http-equiv="refresh" content="2"></noscript>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 20vh auto; padding: 0 1rem }}
h1 {{ font-size: 1.4rem; overflow-wrap: anywhere }}</style>
</head>
<body>
<main>
<h1>{state}</h1>
<p>This page shows the site as soon as there is one.</p>
</main>
</body>
</html>
"""


class SiteServer(http.server.ThreadingHTTPServer):
    """Serves the site in `folder` until it is shut down."""

    daemon_threads = True
    # Elsewhere it lets a server have the port of one that has just ended; on Windows, that of one that runs.
    allow_reuse_address = os.name != "nt"
    state = "The site is being built"
    """What a page says while there is no site yet."""

    def __init__(self, folder: Path, changes: Changes, port: int) -> None:
        """Take `port`, 0 for a free one. Raises `OSError` when it is taken."""
        self.folder = folder
        self.changes = changes
        super().__init__((ADDRESS, port), _Handler)

    @property
    def address(self) -> str:
        """The address of the home page."""
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep silent about browsers that went away."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: SiteServer
    protocol_version = "HTTP/1.1"
    server_version = f"reportgen/{reportgen.__version__}"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep silent: the terminal is for what the builds say."""

    # ---- answers

    def _answer(self) -> None:
        if not self._is_from_here():
            self._send(HTTPStatus.FORBIDDEN, b"This address answers browsers on this machine only.\n", "text/plain")
            return
        address = urlsplit(self.path)
        path = unquote(address.path).removeprefix("/") or urls.HOME
        if path == LIVE_NEWS:
            self._send_news(parse_qs(address.query).get("since", ["0"])[0])
        elif path in (LIVE_SCRIPT, WAIT_SCRIPT):
            self._send(HTTPStatus.OK, _script(path), "text/javascript")
        else:
            self._send_file(path)

    def _is_from_here(self) -> bool:
        """Tell whether the request was made under this machine's name, and not by a page of another site."""
        host = re.sub(r":\d+$", "", self.headers.get("Host", ""))
        if host.lower() not in HOSTS:
            return False
        site, mode = self.headers.get("Sec-Fetch-Site", "none"), self.headers.get("Sec-Fetch-Mode", "navigate")
        return site in ("none", "same-origin") or mode == "navigate"

    def _send_news(self, since: str) -> None:
        known = int(since) if since.isdecimal() and len(since) < 16 else 0
        news = self.server.changes.wait(known, PATIENCE_S)
        self._send(HTTPStatus.OK, _encode(news, known), "application/json")

    def _send_file(self, path: str) -> None:
        file = self.server.folder / path
        version, error = self.server.changes.now()  # before the file: a page that is too old learns of it, no other
        try:
            if not urls.is_site_path(path) or file.is_symlink():
                raise FileNotFoundError(path)
            content = file.read_bytes()
        except OSError:
            if file.suffix == ".html" and not (self.server.folder / urls.SITE_JSON).exists():
                waiting = _WAITING.format(state=escape(self.server.state), script=WAIT_SCRIPT)
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, waiting.encode(), "text/html")
            else:
                self._send(HTTPStatus.NOT_FOUND, b"This page is not in the site.\n", "text/plain")
            return
        kind = _TYPES.get(file.suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        if file.suffix == ".html":
            content = make_live(content, version, "../" * path.count("/"), error)
        # The names of these change with their content; all else may be another file at the next request.
        self._send(HTTPStatus.OK, content, kind, keep=path.startswith(("assets/", "a/")))

    def _send(self, status: HTTPStatus, content: bytes, kind: str, *, keep: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "private, max-age=31536000, immutable" if keep else "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def make_live(page: bytes, version: int, root: str, error: str = "") -> bytes:
    """Return a page of the site with the script that keeps it up to date, and the right to ask for news.

    `error` is what is wrong since the build with the number `version`.
    """
    wrong = f' data-error="{escape(error)}"' if error else ""
    script = f'<script src="{root}{LIVE_SCRIPT}" data-version="{version}"{wrong} defer></script>\n'.encode()
    page = page.replace(_POLICY, _POLICY + b" connect-src 'self';", 1)
    return _FIRST_SCRIPT.sub(lambda found: script + found[0], page, count=1)


def _encode(news: News | None, since: int) -> bytes:
    if news is None:
        return orjson.dumps({"version": since})
    paths = sorted(news.paths)
    return orjson.dumps({"version": news.version, "paths": paths, "error": news.error, "everything": news.everything})


@cache
def _script(path: str) -> bytes:
    return files("reportgen.serving").joinpath(path.removeprefix("live/")).read_bytes()
