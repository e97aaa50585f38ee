"""`reportgen serve`: what the server answers and to whom, what pages hear of builds, and the loop that builds."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from reportgen.build import build
from reportgen.errors import SourceError
from reportgen.serving import watch
from reportgen.serving.changes import KEPT, Changes
from reportgen.serving.server import SiteServer, make_live
from reportgen.site.config import Config
from tests.sourcelogs import metrics_line, start_line
from tests.sourcelogs import write_run as write_log


def write_run(root: Path, name: str) -> None:
    """Write a run with two steps that has not ended."""
    write_log(root / "digits" / name, start_line(name, name=name), metrics_line(0, loss=1.0), metrics_line(1, loss=0.5))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small site."""
    folder = tmp_path_factory.mktemp("served")
    write_run(folder / "runs", "first")
    build([folder / "runs"], folder / "site", config=Config(), use_cache=False)
    return folder / "site"


@contextmanager
def serving(site: Path, changes: Changes | None = None) -> Iterator[SiteServer]:
    """Yield a running server."""
    changes = changes or Changes()
    server = SiteServer(site, changes, 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        changes.close()
        server.shutdown()
        server.server_close()
        thread.join()


def ask(server: SiteServer, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return (status, headers, body) of one request; `Host` is this machine's unless another is given."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host=True)
        for name, value in ({"Host": "localhost:8321"} | named).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


# ---- the server


def test_every_file_of_the_site_is_served(site: Path) -> None:
    with serving(site) as server:
        for file in (f for f in site.rglob("*") if f.is_file() and f.suffix != ".html"):
            status, _, body = ask(server, "/" + file.relative_to(site).as_posix())
            assert (status, body) == (200, file.read_bytes()), file
        status, headers, body = ask(server, "/")
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"live/live.js" in body
        assert ask(server, "/live/live.js")[1]["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "localhost.evil.example", "", "192.168.0.7"]
)
def test_another_name_than_this_machines_is_refused(site: Path, host: str) -> None:
    with serving(site) as server:
        status, _, body = ask(server, "/data/summaries.js", Host=host)
        assert status == 403
        assert b"reportgen.data" not in body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8321", "LOCALHOST:1"])
def test_the_names_of_this_machine_are_answered_on_any_port(site: Path, host: str) -> None:
    with serving(site) as server:
        assert ask(server, "/index.html", Host=host)[0] == 200


def test_a_page_of_another_site_reads_nothing(site: Path) -> None:
    with serving(site) as server:
        for mode in ("no-cors", "cors", "websocket"):
            headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
            assert ask(server, "/data/summaries.js", **headers)[0] == 403
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}  # a link to a page is harmless
        assert ask(server, "/index.html", **headers)[0] == 200
        assert ask(server, "/index.html")[1]["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/data/../../secret.txt",
        "//etc/passwd",
        "/.hidden",
        "/a/",
        "/nope.html",
        "/%00",
    ],
)
def test_nothing_but_files_of_the_site_is_read(site: Path, path: str) -> None:
    (site.parent / "secret.txt").write_text("secret")
    (site / ".hidden").write_text("secret")
    with serving(site) as server:
        status, _, body = ask(server, path)
        assert status == 404
        assert b"secret" not in body


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_a_link_out_of_the_site_is_not_followed(site: Path) -> None:
    (site.parent / "secret.txt").write_text("secret")
    link = site / "a" / ("0" * 20 + ".txt")
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(site.parent / "secret.txt")
    try:
        with serving(site) as server:
            assert ask(server, "/a/" + link.name)[0] == 404
    finally:
        link.unlink()


def test_only_reading_is_answered(site: Path) -> None:
    with serving(site) as server:
        status, headers, body = ask(server, "/index.html", "HEAD")
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 1000
        assert ask(server, "/index.html", "POST")[0] == 501
        assert ask(server, "/index.html", "DELETE")[0] == 501


def test_what_may_change_is_never_kept_by_the_browser(site: Path) -> None:
    with serving(site) as server:
        assert ask(server, "/index.html")[1]["cache-control"] == "no-store"
        assert ask(server, "/data/summaries.js")[1]["cache-control"] == "no-store"
        asset = next(f for f in (site / "assets").iterdir() if f.is_file())
        assert "immutable" in ask(server, f"/assets/{asset.name}")[1]["cache-control"]


def test_a_published_site_has_nothing_of_the_live_page(site: Path) -> None:
    for file in (f for f in site.rglob("*") if f.suffix in (".html", ".js", ".css", ".json")):
        content = file.read_bytes()
        assert b"connect-src" not in content, file
        assert b"live/" not in content, file


def test_a_live_page_differs_in_the_policy_and_one_script(site: Path) -> None:
    page = (site / "index.html").read_bytes()
    live = make_live(page, 7, "../")
    script = b'<script src="../live/live.js" data-version="7" defer></script>\n'
    assert live.replace(script, b"").replace(b" connect-src 'self';", b"") == page
    assert live.index(script) < live.index(b"reportgen.")
    assert re.search(rb"connect-src 'self';", live)


# ---- what pages hear


def test_a_page_hears_what_it_missed(site: Path) -> None:
    changes = Changes()
    changes.add(["index.html"])
    changes.add(["r/a.html"], error="a log is torn")
    with serving(site, changes) as server:
        news = orjson.loads(ask(server, "/live/news?since=0")[2])
        assert news == {
            "version": 2,
            "paths": ["index.html", "r/a.html"],
            "error": "a log is torn",
            "everything": False,
        }
        assert orjson.loads(ask(server, "/live/news?since=1")[2])["paths"] == ["r/a.html"]


def test_a_page_that_is_up_to_date_waits_for_the_next_build(site: Path) -> None:
    changes = Changes()
    changes.add(["index.html"])
    with serving(site, changes) as server:
        threading.Timer(0.2, changes.add, [["runs.html"]]).start()
        assert orjson.loads(ask(server, "/live/news?since=1")[2])["paths"] == ["runs.html"]


@pytest.mark.parametrize("since", ["", "x", "-1", "9" * 40, "99"])
def test_an_odd_question_is_answered_at_the_next_build(site: Path, since: str) -> None:
    changes = Changes()
    changes.add(["index.html"])
    with serving(site, changes) as server:
        threading.Timer(0.2, changes.add, [["runs.html"]]).start()
        assert "runs.html" in orjson.loads(ask(server, f"/live/news?since={since}")[2])["paths"] or since != "99"


def test_a_page_that_slept_too_long_is_told_to_begin_anew() -> None:
    changes = Changes()
    for number in range(KEPT + 5):
        changes.add([f"{number}.html"])
    news = changes.wait(2, 0)
    assert news is not None
    assert news.everything
    later = changes.wait(KEPT, 0)
    assert later is not None
    assert not later.everything
    assert later.paths == {f"{n}.html" for n in range(KEPT, KEPT + 5)}


def test_nothing_new_is_none_and_the_end_wakes_all() -> None:
    changes = Changes()
    assert changes.wait(0, 0.01) is None
    threading.Timer(0.1, changes.close).start()
    assert changes.wait(0, 60) is None


# ---- the loop


def test_a_log_that_grows_is_built_and_told(tmp_path: Path) -> None:
    runs, out = tmp_path / "runs", tmp_path / "runs" / "site"
    write_run(runs, "first")
    changes, stop = Changes(), threading.Event()
    problems: list[str] = []
    tries = iter([None, SourceError("the log is being moved"), None])

    def rebuild() -> None:
        if (failure := next(tries, None)) is not None:
            raise failure
        build([runs], out, config=Config(), use_cache=False)

    rebuild()
    loop = threading.Thread(
        target=watch.keep_up,
        args=([runs], out, changes, rebuild, stop),
        kwargs={"report": problems.append, "poll": True},
    )
    loop.start()
    try:
        time.sleep(1.2)  # so that the watcher has seen the folder as it is
        write_run(runs, "second")
        news = changes.wait(0, 30)
        assert news is not None
        assert news.error == "the log is being moved"
        time.sleep(0.6)
        write_run(runs, "third")
        news = changes.wait(news.version, 30)
        assert news is not None
        assert news.error == ""
        assert {"index.html", "data/summaries.js"} <= news.paths
        assert len([path for path in news.paths if path.startswith("r/")]) == 2
    finally:
        stop.set()
        loop.join(30)
    assert problems[:2] == ["the log is being moved", ""]


def test_a_source_that_is_a_file_is_watched_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("")
    assert watch.watched_folders([tmp_path, tmp_path / "events.jsonl"]) == [tmp_path, tmp_path]


def test_a_folder_without_a_site_has_no_files(tmp_path: Path) -> None:
    assert watch.site_files(tmp_path) == {}


# ---- the command


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "first")
    command = [sys.executable, "-m", "reportgen", "serve", str(tmp_path / "runs"), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(2)]
    port = int(said[1].rsplit(":", 1)[1].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert said[0] == "1 run in 1 experiment; Ctrl-C ends"
    assert errors.strip() == "Stopped."
    assert process.returncode == 0
    assert sorted(f.name for f in tmp_path.iterdir()) == ["runs"]


def test_a_source_that_is_not_there_ends_the_command_with_an_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reportgen", "serve", str(tmp_path / "gone"), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "gone" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_an_error_with_the_remedy(site: Path) -> None:
    with serving(site) as server:
        port = str(server.server_address[1])
        command = [sys.executable, "-m", "reportgen", "serve", str(site), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"port {port} cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
