"""`reportgen serve`: what the server answers and to whom, what pages hear of builds, and the loop that builds."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import orjson
import pytest

from reportgen.build import build
from reportgen.errors import ReportgenError, SiteError, SourceError
from reportgen.serving import watch
from reportgen.serving.changes import KEPT, Changes
from reportgen.serving.server import SiteServer, make_live
from reportgen.serving.settings import Settings, config_files
from reportgen.site.config import Config
from reportgen.site.config_file import load_config
from tests.conftest import ROOT
from tests.sourcelogs import metrics_line, start_line
from tests.sourcelogs import write_run as write_log

PATIENCE_S = 120.0
"""How long a loaded machine may take for what is waited for."""


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
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=PATIENCE_S)
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
        for script in ("live", "wait"):
            assert ask(server, f"/live/{script}.js")[1]["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "localhost.evil.example", "", "192.168.0.7"]
)
def test_another_name_than_this_machines_is_refused(site: Path, host: str) -> None:
    with serving(site) as server:
        status, _, body = ask(server, "/data/search.js", Host=host)
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
            assert ask(server, "/data/search.js", **headers)[0] == 403
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
    hidden = site / ".hidden"
    hidden.write_text("secret")
    try:
        with serving(site) as server:
            status, _, body = ask(server, path)
    finally:
        hidden.unlink()  # the other tests have this site, too
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
        assert ask(server, "/data/search.js")[1]["cache-control"] == "no-store"
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


def test_a_page_that_is_opened_late_says_what_is_wrong(site: Path) -> None:
    changes = Changes()
    changes.add([], 'the log "<b>" is torn')
    with serving(site, changes) as server:
        page = ask(server, "/index.html")[2]
    assert b'data-version="1" data-error="the log &quot;&lt;b&gt;&quot; is torn" defer' in page


def test_the_number_of_a_page_is_taken_before_the_page_is_read(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, read = Changes(), Path.read_bytes

    def read_and_build(path: Path) -> bytes:
        changes.add([path.name])  # a build ends meanwhile: the page may be old, and must ask for what is new
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_and_build)
    with serving(site, changes) as server:
        assert b'data-version="0"' in ask(server, "/index.html")[2]


def test_before_there_is_a_site_every_page_says_what_is_waited_for(tmp_path: Path) -> None:
    with serving(tmp_path / "site") as server:
        for path in ("/", "/r/first-abc.html"):
            status, headers, body = ask(server, path)
            assert (status, headers["content-type"]) == (503, "text/html; charset=utf-8")
            assert b"<h1>The site is being built</h1>" in body
            assert b'<script src="/live/wait.js"' in body
        server.state = "Waiting for runs in <runs>"
        assert b"<h1>Waiting for runs in &lt;runs&gt;</h1>" in ask(server, "/")[2]
        assert ask(server, "/data/search.js")[0] == 404


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rules for ports")
def test_a_port_is_free_again_as_soon_as_its_server_ends(site: Path) -> None:
    with serving(site) as server:
        port = server.server_address[1]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        connection.request("GET", "/index.html")
        connection.getresponse().read()
    SiteServer(site, Changes(), port).server_close()  # the server closed first: its end of the connection lingers
    connection.close()


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


@pytest.mark.parametrize("since", ["", "x", "-1", "9" * 40])
def test_an_odd_question_is_one_of_a_page_that_knows_nothing(site: Path, since: str) -> None:
    changes = Changes()
    changes.add(["index.html"])
    with serving(site, changes) as server:
        assert orjson.loads(ask(server, f"/live/news?since={since}")[2])["paths"] == ["index.html"]


@pytest.mark.parametrize("since", [4, 4000], ids=["an earlier", "one whose clock was ahead"])
def test_a_page_of_another_server_is_told_to_begin_anew_once_there_is_a_site(site: Path, since: int) -> None:
    changes = Changes(1000)
    assert changes.wait(since, 0.01) is None, "there is nothing to load yet"
    with serving(site, changes) as server:
        threading.Timer(0.2, changes.add, [["index.html"]]).start()
        news = orjson.loads(ask(server, f"/live/news?since={since}")[2])
    assert (news["version"], news["everything"]) == (1001, True)


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
    changes.add([])
    assert changes.wait(1, 0.01) is None
    threading.Timer(0.1, changes.close).start()
    assert changes.wait(1, PATIENCE_S) is None


def test_a_fault_that_is_mended_is_news_and_one_that_stays_is_not() -> None:
    changes = Changes()
    changes.add(["index.html"])
    changes.add([])
    assert changes.now() == (1, "")
    changes.add([], "the log is torn")
    changes.add([], "the log is torn")
    assert changes.now() == (2, "the log is torn")
    changes.add([])
    news = changes.wait(2, 0)
    assert news is not None
    assert (news.version, news.error, news.paths) == (3, "", frozenset())


# ---- the loop


@contextmanager
def following(
    out: Path, build: Callable[[], str], *folders: Path, files: Sequence[Path] = (), poll: bool = False
) -> Iterator[tuple[Changes, list[str]]]:
    """Yield what the loop tells pages, and what it reports, while it runs; `build` is called for every change."""
    changes, stop, reports = Changes(), threading.Event(), list[str]()
    loop = threading.Thread(
        target=watch.keep_up,
        args=(lambda: watch.Places(folders, files), out, changes, build, stop),
        kwargs={"report": reports.append, "poll": poll},
    )
    loop.start()
    try:
        yield changes, reports
    finally:
        stop.set()
        loop.join(PATIENCE_S)
        assert not loop.is_alive()


def until(condition: Callable[[], object]) -> bool:
    """Wait until `condition` holds; tell whether it did."""
    end = time.monotonic() + PATIENCE_S
    while not (held := bool(condition())) and time.monotonic() < end:
        time.sleep(0.02)
    return held


def built(reports: list[str], before: int) -> bool:
    """Wait until there was another build than the first `before`; tell whether there was."""
    return until(lambda: len(reports) > before)


def quiet(reports: list[str], seconds: float = 1.2) -> int:
    """Return how many builds there were, once there was one and then none for a while; -1 when they do not end."""
    until(lambda: reports)
    seen, since = len(reports), time.monotonic()
    end = since + 20 * seconds
    while time.monotonic() < since + seconds:
        if time.monotonic() > end:
            return -1
        if len(reports) != seen:
            seen, since = len(reports), time.monotonic()
        time.sleep(0.02)
    return seen


def test_a_log_that_grows_is_built_and_told(tmp_path: Path) -> None:
    runs, out = tmp_path / "runs", tmp_path / "runs" / "site"
    write_run(runs, "first")
    failures = list[ReportgenError]()

    def rebuild() -> str:
        if failures:
            raise failures.pop()
        build([runs], out, config=Config(), use_cache=False)
        return ""

    rebuild()
    with following(out, rebuild, runs, poll=True) as (changes, reports):
        assert quiet(reports) == 1, "a build is no change of the logs"
        failures.append(SourceError("the log is being moved"))
        write_run(runs, "second")
        news = changes.wait(changes.now()[0], PATIENCE_S)
        assert news is not None
        assert news.error == "The build failed: the log is being moved"
        write_run(runs, "third")
        news = changes.wait(news.version, PATIENCE_S)
        assert news is not None
        assert news.error == ""
        assert {"index.html", "runs.html"} <= news.paths
        assert len([path for path in news.paths if path.startswith("r/")]) == 2
    assert reports[1:3] == ["The build failed: the log is being moved", ""]


@pytest.mark.parametrize("poll", [False, True], ids=["told", "polling"])
def test_a_watch_begins_with_a_build_and_a_build_is_no_change(tmp_path: Path, *, poll: bool) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "first")
    (runs / "nowhere").symlink_to("gone")

    def rebuild() -> str:
        build([runs], runs / "site", config=Config(), use_cache=False)
        return ""

    rebuild()
    write_run(runs, "second")  # what comes between the first build and the watch
    with following(runs / "site", rebuild, runs, poll=poll) as (changes, reports):
        news = changes.wait(0, PATIENCE_S)
        assert news is not None
        assert len([path for path in news.paths if path.startswith("r/")]) == 1
        assert quiet(reports) == 1


@pytest.mark.parametrize("poll", [False, True], ids=["told", "polling"])
def test_a_folder_that_comes_goes_and_comes_again_is_followed(tmp_path: Path, *, poll: bool) -> None:
    runs, other = tmp_path / "runs", tmp_path / "other"
    other.mkdir()
    with following(tmp_path / "site", lambda: "", runs, other, poll=poll) as (_, reports):
        assert quiet(reports) == 1
        for name in ("first", "second"):
            before = len(reports)
            write_run(runs, name)
            assert built(reports, before), f"{name}: the folder is there"
            before = quiet(reports)
            write_run(runs, f"{name} more")
            assert built(reports, before), f"{name}: the folder is watched"
            before = quiet(reports)
            # Made anew at once, it may have the number of the old one.
            shutil.rmtree(runs)
            runs.mkdir()
            assert built(reports, before), f"{name}: the folder is gone"
            quiet(reports)


def test_a_folder_that_is_made_anew_under_the_number_of_the_old_one_is_watched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def watch_once(folder: str, **_: object) -> Iterator[set[tuple[int, str]]]:
        begun.append(folder)
        yield set()
        yield {(3, folder)}
        raise AssertionError("a folder that is gone tells nothing more")

    monkeypatch.setattr("watchfiles.watch", watch_once)
    found = watch.iter_changes(lambda: watch.Places([tmp_path]), tmp_path / "runs" / "site", threading.Event())
    for _ in range(4):  # each watch begins with one, and tells of the end
        next(found)
    assert begun == [str(tmp_path)] * 2


def test_a_single_file_counts_by_what_it_is_now(tmp_path: Path) -> None:
    runs, config = tmp_path / "runs", tmp_path / "reportgen.toml"
    runs.mkdir()
    with following(tmp_path / "site", lambda: "", runs, files=[config]) as (_, reports):
        acts: list[Callable[[], object]] = [
            lambda: config.write_text('title = "A"'),
            lambda: config.write_text('title = "B" # longer'),
            lambda: config.rename(tmp_path / "old.toml"),
        ]
        for act in acts:
            before = quiet(reports)
            act()
            assert built(reports, before)


def test_a_folder_that_cannot_be_watched_is_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Iterator[set[object]]:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", refuse)
    with pytest.raises(SiteError, match=r"cannot be watched \(OS file watch limit reached\): use --poll"):
        next(watch.iter_changes(lambda: watch.Places([tmp_path]), tmp_path / "site", threading.Event()))


def test_a_source_that_is_a_file_is_watched_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("")
    sources = [tmp_path, tmp_path / "events.jsonl", tmp_path / "to come"]
    assert watch.watched_folders(sources) == [tmp_path, tmp_path, tmp_path / "to come"]


def test_a_source_is_empty_until_a_log_is_there(tmp_path: Path, site: Path) -> None:
    runs = tmp_path / "runs"
    assert watch.find_empty([runs, site]) == [str(runs)]
    (runs / ".trash").mkdir(parents=True)
    (runs / ".trash" / "events.jsonl").write_text("")
    (runs / "notes.txt").write_text("")
    assert watch.find_empty([runs]) == [str(runs)]
    write_run(runs, "first")
    assert watch.find_empty([runs]) == []
    keras = tmp_path / "keras"
    keras.mkdir()
    assert watch.find_empty([keras]) == [str(keras)]
    (keras / "log.csv").write_text("epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.2,0.4,1.3\n1,0.6,1.0,0.5,1.1\n")
    assert watch.find_empty([keras]) == []
    (tmp_path / "file.txt").write_text("")
    assert watch.find_empty([tmp_path / "file.txt"]) == [], "the build says what is wrong with it"


def test_a_folder_without_a_site_has_no_files(tmp_path: Path) -> None:
    assert watch.site_files(tmp_path) == {}


# ---- the configuration


def test_the_configuration_is_read_again_and_stays_while_it_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "reportgen.toml"
    settings = Settings(partial(load_config, None, folder=tmp_path))
    assert config_files(None, tmp_path) == [file, tmp_path / "pyproject.toml"]
    assert config_files(Path("my.toml"), tmp_path) == [tmp_path / "my.toml"]
    for text, wrong in [
        ('title = "B"', ""),
        ('titel = "C"', "reportgen.toml: titel: unknown key"),
        ('theme = "drak"', "unknown theme 'drak'"),
        ('theme_dirs = ["gone"]', "gone' does not exist"),
    ]:
        file.write_text(text)
        said = settings.renew()
        assert wrong in said
        assert said.startswith("The configuration cannot be used, the one before stays: " if wrong else "")
        assert settings.config.title == "B"
    file.unlink()
    assert settings.renew() == ""
    assert settings.config == Config()


# ---- the command


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "first")
    command = [sys.executable, "-m", "reportgen", "serve", str(tmp_path / "runs"), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(2)]
    port = int(said[1].rsplit(":", 1)[1].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert said[0] == "1 run in 1 experiment; Ctrl-C ends"
    assert errors.strip() == "Stopped."
    assert process.returncode == 0
    assert sorted(f.name for f in tmp_path.iterdir()) == ["runs"]


def start(folder: Path, *options: str, sources: Sequence[str] = ("runs",)) -> subprocess.Popen[str]:
    """Start the command in `folder`, its temporary files below `temp`."""
    (folder / "temp").mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(folder / "temp"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "reportgen", "serve", *sources, "--port", "0", *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment
    )


def get(address: str, path: str = "/") -> tuple[int, str]:
    """Return (status, body) of a page."""
    connection = http.client.HTTPConnection(address.split("/")[2], timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals to processes")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_during_the_first_build_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    for number in range(40):
        write_run(tmp_path / "runs", f"run-{number}")
    process = start(tmp_path, "--jobs", "2")
    assert until(lambda: any((tmp_path / "temp").rglob("files")) or process.poll() is not None)
    process.send_signal(getattr(signal, name))
    said, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (130, "")
    assert errors == "Interrupted: run the command again to finish it\n"
    assert [f.name for f in (tmp_path / "temp").iterdir() if f.name.startswith("reportgen-")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals to processes")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_while_it_serves_ends_it_in_order(tmp_path: Path, name: str) -> None:
    write_run(tmp_path / "runs", "first")
    process = start(tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("1 run")
    process.stdout.readline()
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "Stopped.\n")
    assert list((tmp_path / "temp").iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")
def test_a_command_that_shall_outlive_its_terminal_does(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "first")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what `nohup` does; children inherit it
    try:
        process = start(tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.stdout is not None
    address = [process.stdout.readline().strip() for _ in range(2)][1]
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert get(address)[0] == 200
    process.terminate()
    process.communicate(timeout=PATIENCE_S)


def test_runs_that_are_still_to_come_are_waited_for(tmp_path: Path) -> None:
    process = start(tmp_path, sources=())
    try:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(2)]
        assert said[0] == "Waiting for runs in runs; Ctrl-C ends"
        status, body = get(said[1])
        assert status == 503
        assert "<h1>Waiting for runs in runs</h1>" in body
        (tmp_path / "runs").mkdir()
        time.sleep(1)
        assert get(said[1])[0] == 503
        write_run(tmp_path / "runs", "first")
        assert until(lambda: get(said[1])[0] == 200)
        write_run(tmp_path / "runs", "second")
        assert until(lambda: "2 runs" in get(said[1])[1])
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert errors == "note: the site is up to date\nStopped.\n"


def test_a_configuration_that_changes_is_taken_and_a_wrong_one_is_said(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "first")
    config, card = tmp_path / "reportgen.toml", tmp_path / "look" / "templates" / "home.html"
    process = start(tmp_path)
    try:
        assert process.stdout is not None
        address = [process.stdout.readline().strip() for _ in range(2)][1]
        assert until(lambda: "<title>Training runs</title>" in get(address)[1])
        config.write_text('title = "Digits"')
        assert until(lambda: "<title>Digits</title>" in get(address)[1])
        config.write_text('titel = "Digits"')
        assert until(lambda: "data-error=" in get(address)[1])
        assert "<title>Digits</title>" in get(address)[1]
        write_run(tmp_path / "runs", "second")
        assert until(lambda: "2 runs" in get(address)[1]), "logs are followed all the same"
        card.parent.mkdir(parents=True)
        card.write_text('{% extends "default/home.html" %}{% block title %}A{% endblock %}')
        config.write_text('theme_dirs = ["look"]')
        assert until(lambda: "<title>A</title>" in get(address)[1])
        assert until(lambda: "data-error=" not in get(address)[1])
        card.write_text('{% extends "default/home.html" %}{% block title %}B{% endblock %}')
        assert until(lambda: "<title>B</title>" in get(address)[1]), "its folder is watched"
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_S)
    said = errors.splitlines()
    assert said[0].startswith("note: the configuration cannot be used, the one before stays: reportgen.toml: titel:")
    assert said[1:] == ["note: the site is up to date", "Stopped."]


def test_a_port_that_is_taken_is_an_error_with_the_remedy(site: Path) -> None:
    with serving(site) as server:
        port = str(server.server_address[1])
        command = [sys.executable, "-m", "reportgen", "serve", str(site), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert f"port {port} cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
