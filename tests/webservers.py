"""Web servers on this machine for tests: threads that answer as a test says, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[[BaseHTTPRequestHandler], None]
"""Writes a whole answer; it may do so slowly, wrongly or not at all."""


class Server(ThreadingHTTPServer):
    """Answers requests on 127.0.0.1 by `answer`, and notes the paths and headers that it was asked for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients go away in the middle of an answer here."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.headers.append(dict(self.headers.items()))
        self.server.answer(self)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """Run a server for the length of the block."""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def send(
    handler: BaseHTTPRequestHandler, body: bytes, *, status: int = 200, size: int | None = None, **headers: str
) -> None:
    """Answer with `body`; `size` is what the header claims, and `headers` have `_` for `-`."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body) if size is None else size))
    handler.end_headers()
    handler.wfile.write(body)


def files_of(folder: Path, *, under: str = "/") -> Answer:
    """Return what answers with the files of a folder, as a static host does."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        file = folder / handler.path.removeprefix(under)
        if handler.path.startswith(under) and file.is_file():
            send(handler, file.read_bytes(), Content_Type="application/octet-stream")
        else:
            send(handler, b"<!doctype html><h1>Not found</h1>", status=404, Content_Type="text/html")

    return answer
