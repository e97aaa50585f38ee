"""Chromium for tests: fixtures that open pages from disk and over HTTP and note everything a page complains about.

The pages' content security policy holds in these tests as it does for a reader: nothing is injected as a script
element, and `page.wait_for_function` (which evaluates a string inside the page) is not used; axe comes in through the
debugging protocol, which the policy does not govern.

A page shows the effect of an action when its turn comes, which on a loaded machine is later than the next line of a
test. What is read after an action is therefore waited for, by `expect` or by `Watched.settles`.
`REPORTGEN_TEST_SLOW=late` runs the tests on pages that hear of everything late (see `late.js`), `REPORTGEN_TEST_SLOW=6`
on pages that are six times slower: a test that fails only then does not wait.
"""

from __future__ import annotations

import functools
import http.server
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.run import find_chromium

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SLOW = os.environ.get("REPORTGEN_TEST_SLOW", "")
"""How pages are made slow: `late`, or how many times slower they run."""
LATE = Path(__file__).with_name("late.js")
PATIENCE = 10.0
"""How many seconds a page has to show what is waited for."""

expect.set_options(timeout=1000 * PATIENCE)


@dataclass(slots=True)
class Watched:
    """A page and all that went wrong while it was open."""

    page: Page
    session: CDPSession
    """What the page is asked through. It stays open: the end of a session ends what `emulate_media` has set."""
    allowed: tuple[str, ...]
    """Beginnings of the addresses that the page may ask for."""
    messages: list[str] = field(default_factory=list)
    """Console messages of any level, uncaught errors, and refusals of the content security policy."""
    outside: list[str] = field(default_factory=list)
    """Addresses that were asked for and are not part of the site."""

    @property
    def address(self) -> str:
        """The address with the view as the page has it now, of which `page.url` hears later."""
        return str(self.evaluate("location.href"))

    def open(self, address: str) -> None:
        """Open `address` and wait until it and all that it loads is there."""
        self.page.goto(address, wait_until="load")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, promises awaited, as JSON data."""
        return _evaluate(self.session, expression)

    def settles(self, read: Callable[[], object], expected: object) -> None:
        """Read until it gives what is `expected`; after `PATIENCE` seconds, fail with the difference."""
        end = time.monotonic() + PATIENCE
        while (found := read()) != expected and time.monotonic() < end:
            self.page.wait_for_timeout(20)
        assert found == expected

    def accessibility_faults(self) -> list[str]:
        """Return what axe finds on the open page, one sentence for each element."""
        _evaluate(self.session, _axe_source() + ";0")
        # `preload` would fetch the style sheets again, which the policy refuses.
        run = "axe.run({preload: false, resultTypes: ['violations']}).then(r => r.violations)"
        found = _evaluate(self.session, run)
        return [f"{v['id']}: {v['help']}: {node['html'][:200]}" for v in found for node in v["nodes"]]


OpenPage = Callable[..., AbstractContextManager[Watched]]
"""`open_page(site, javascript=True, scheme="light", width=1280)` as a context manager."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return a running Chromium, one for each test process."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium found: `python -m tests.run` installs one, or name one in REPORTGEN_CHROMIUM")
    root = getattr(os, "geteuid", lambda: 1)() == 0
    flags = [*FLAGS, "--no-sandbox"] if root else list(FLAGS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> OpenPage:
    """Return a function that opens a fresh, watched page; `site` is the address that everything must stay below."""

    @contextmanager
    def open_page(
        site: str, *, javascript: bool = True, scheme: Literal["light", "dark"] = "light", width: int = 1280
    ) -> Iterator[Watched]:
        context = chromium.new_context(
            java_script_enabled=javascript,
            color_scheme=scheme,
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
        )
        if SLOW == "late":
            context.add_init_script(path=LATE)
        page = context.new_page()
        watched = Watched(page, context.new_cdp_session(page), allowed=(site, "data:", "about:"))
        if SLOW.isdigit():
            watched.session.send("Emulation.setCPUThrottlingRate", {"rate": int(SLOW)})

        def hear(message: ConsoleMessage) -> None:
            watched.messages.append(f"{message.type}: {message.text} ({watched.page.url})")

        def see(request: Request) -> None:
            if not request.url.startswith(watched.allowed):
                watched.outside.append(request.url)

        def fail(request: Request) -> None:
            # A picture far down the page that was still loading when the next page was opened is no fault.
            if request.failure != "net::ERR_ABORTED":
                watched.messages.append(f"failed: {request.url} ({request.failure})")

        watched.page.on("console", hear)
        watched.page.on("pageerror", lambda error: watched.messages.append(f"error: {error} ({watched.page.url})"))
        watched.page.on("request", see)
        watched.page.on("requestfailed", fail)
        try:
            yield watched
        finally:
            context.close()

    return open_page


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve `folder` on a free port of this machine, below a path of its own; yield the address, `/` at its end."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # the browser may leave before it has the whole file
                super().handle_error(request, client_address)

    handler = functools.partial(Quiet, directory=str(folder.parent))
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{folder.name}/"
        finally:
            server.shutdown()
            thread.join()


def disk_address(folder: Path) -> str:
    """Return the `file://` address of `folder`, `/` at its end."""
    return folder.resolve().as_uri() + "/"


@functools.cache
def _axe_source() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def _evaluate(session: CDPSession, expression: str) -> Any:
    reply = session.send("Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True})
    if "exceptionDetails" in reply:
        raise AssertionError(f"the page threw: {reply['exceptionDetails']}")
    return reply["result"].get("value")
