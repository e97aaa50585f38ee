"""A site by its address: what a good server gives is used, and what any other does is an error that says so."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import shutil
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from reportgen.build import build
from reportgen.errors import SourceError
from reportgen.formats import run_key
from reportgen.site.config import Config
from reportgen.sources import StatCache, address, discover, is_address
from reportgen.sources.address import Address, Limits, next_address
from tests.sitefiles import change_packs, pack_files, read_entries
from tests.sourcelogs import metrics_line, start_line, write_run
from tests.webservers import files_of, send, serving

SMALL = Limits(file_bytes=100_000, total_bytes=300_000, pauses_s=())
"""As many bytes as tests like to send, and one attempt."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site of three runs, one of them with an artifact."""
    base = tmp_path_factory.mktemp("published")
    text = b"epoch,loss\n1,0.5\n"
    for number in range(3):
        run_id = f"run-{number}"
        folder = base / "runs" / "digits" / run_id
        lines = [
            start_line(run_id, name=f"mlp-{number}"),
            metrics_line(0, loss=1.0),
            metrics_line(1, loss=0.1 * number),
        ]
        if number == 0:
            (folder / "artifacts").mkdir(parents=True)
            (folder / "artifacts" / "table.csv").write_bytes(text)
            digest = hashlib.sha256(text).hexdigest()
            lines.append({"event": "artifact", "path": "table.csv", "bytes": len(text), "sha256": digest})
        write_run(folder, *lines)
    make(base / "runs", base / "site")
    return base / "site"


def make(source: Path | str, out: Path) -> None:
    build([source], out, config=Config(), cache_dir=out.parent / "cache")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


# ---- good servers


def test_a_build_of_an_address_is_that_of_the_folder(site: Path, tmp_path: Path) -> None:
    with serving(files_of(site)) as server:
        make(server.url, tmp_path / "copy")
        first = len(server.asked)
        make(server.url, tmp_path / "again")
    assert contents(tmp_path / "copy") == contents(site)
    assert contents(tmp_path / "again") == contents(site)
    assert first == 1 + 1 + 3 + 1
    assert server.asked[first:] == ["/data/site.json", f"/{pack_files(site)[0].relative_to(site).as_posix()}"]
    assert not {"Authorization", "Cookie"} & set().union(*server.headers)


@pytest.mark.parametrize("end", ["", "/", "/index.html", "/?x=1#tables"])
def test_the_address_of_a_folder_or_of_its_page_is_that_of_the_site(site: Path, end: str) -> None:
    with serving(files_of(site, under="/team/site/")) as server:
        found = discover([f"{server.url}team/site{end}"], cache=StatCache(None))
    assert [ref.name for ref in sorted(found.runs, key=lambda r: r.name)] == ["mlp-0", "mlp-1", "mlp-2"]


def test_a_path_object_is_an_address_too(site: Path) -> None:
    with serving(files_of(site)) as server:
        assert len(discover([Path(server.url)], cache=StatCache(None)).runs) == 3
    assert is_address("HTTPS://example.org/x")
    assert not is_address("https.d/runs")


def test_only_what_is_new_is_fetched_and_what_is_gone_goes_after_a_day(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(site, changed)
    with serving(files_of(site)) as server:
        discover([server.url], cache=StatCache(None))
        (mirror,) = (tmp_path / "cache" / "sites").iterdir()
        before = {file.name for file in mirror.rglob("*.gz")}
        runs = tmp_path / "runs"
        write_run(runs / "digits" / "run-9", start_line("run-9"), metrics_line(0, loss=1.0))
        build([site, runs], changed, config=Config(), cache_dir=tmp_path / "c")
        change_packs(changed, lambda head: head["runs"].pop(run_key("run-1")))
        server.answer = files_of(changed)
        server.asked.clear()
        told: list[tuple[int, int]] = []
        found = discover([server.url], cache=StatCache(None), progress=lambda *done: told.append(done))
        assert len(found.runs) == 3
        assert len(server.asked) == 3
        assert told == [(0, 1), (1, 1)]
        assert before < {file.name for file in mirror.rglob("*.gz")}
        monkeypatch.setattr(address, "KEEP_S", -1)
        discover([server.url], cache=StatCache(None))
    assert {f.name for f in mirror.rglob("*.gz")} == {
        f"{entry['files'][f'data/runs/{key}.jsonl.gz']}.jsonl.gz" for key, entry in read_entries(changed).items()
    }


def test_mirrors_that_nobody_asks_for_go(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(files_of(site)) as one, serving(files_of(site)) as other:
        discover([one.url], cache=StatCache(None))
        monkeypatch.setattr(address, "KEEP_SITE_S", -1)
        discover([other.url], cache=StatCache(None))
    assert len(list((tmp_path / "cache" / "sites").iterdir())) == 1


def test_a_file_that_was_damaged_in_the_mirror_is_fetched_again(site: Path, tmp_path: Path) -> None:
    with serving(files_of(site)) as server:
        discover([server.url], cache=StatCache(None))
        record = next((tmp_path / "cache" / "sites").glob("*/records/*.gz"))
        whole = record.read_bytes()
        record.write_bytes(b"damaged")
        discover([server.url], cache=StatCache(None))
    assert record.read_bytes() == whole


@pytest.mark.parametrize("twice", [False, True], ids=["the stored file", "packed once more"])
def test_a_host_that_says_gzip_of_packed_files_is_understood(site: Path, tmp_path: Path, twice: bool) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = (site / handler.path[1:]).read_bytes()
        packed = data if handler.path.endswith(".gz") and not twice else gzip.compress(data)
        send(handler, packed, Content_Encoding="gzip")

    with serving(answer) as server:
        make(server.url, tmp_path / "copy")
        (pack,) = (file.relative_to(site).as_posix() for file in pack_files(site))
        read = Address(server.url).read(pack)
    assert contents(tmp_path / "copy") == contents(site)
    assert read == (site / pack).read_bytes()


def test_a_busy_server_is_asked_again(site: Path) -> None:
    good = files_of(site)
    calls = itertools.count()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if next(calls) % 2 == 0:
            send(handler, b"later", status=503)
        else:
            good(handler)

    with serving(answer) as server:
        limits = Limits(pauses_s=(0.01,))
        assert Address(server.url, limits=limits).read("data/site.json").startswith(b"{")
        assert len(server.asked) == 2


# ---- other servers


def read_error(answer: object, path: str = "data/packs/mixed-0-0123456789.jsonl.gz", limits: Limits = SMALL) -> str:
    """Return what is said when `path` is read of a server."""
    with serving(answer) as server, pytest.raises(SourceError) as caught:  # type: ignore[arg-type]
        Address(server.url, limits=limits).read(path)
    return str(caught.value)


def test_a_page_instead_of_a_file_is_named() -> None:
    said = read_error(lambda handler: send(handler, b"<!DOCTYPE html><title>Log in</title>"))
    assert "is a web page and no file of a site" in said
    assert "is a web page" in _discover_error(lambda handler: send(handler, b"<html>hello"))
    assert "there is no site of reportgen at" in read_error(lambda handler: send(handler, b"", status=404))
    assert "no password and no token" in read_error(lambda handler: send(handler, b"", status=401))
    assert "500 Internal Server Error" in read_error(lambda handler: send(handler, b"", status=500))


def test_a_server_that_is_not_there() -> None:
    with serving(lambda _: None) as server:
        url = server.url
    with pytest.raises(SourceError, match="cannot be read: Connection refused"):
        Address(url, limits=SMALL).read("data/site.json")


def test_a_file_that_is_too_large_is_not_taken_in() -> None:
    assert "more than 100,000 bytes" in read_error(lambda handler: send(handler, b"x", size=10**15))

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"\x1f\x8b" * 5_000)

    assert "more than 100,000 bytes" in read_error(endless)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused() -> None:
    bomb = gzip.compress(b" " * 5_000_000)
    said = read_error(lambda handler: send(handler, bomb, Content_Encoding="gzip"), "data/site.json")
    assert "when unpacked" in said


def test_all_files_together_have_a_limit() -> None:
    with serving(lambda handler: send(handler, b"\x1f\x8b" + b"x" * 80_000)) as server:
        site = Address(server.url, limits=SMALL)
        for _ in range(3):
            site.read("data/packs/mixed-0-0123456789.jsonl.gz")
        with pytest.raises(SourceError, match="more than 300,000 bytes"):
            site.read("data/packs/mixed-0-0123456789.jsonl.gz")


def test_a_server_that_drips_is_left() -> None:
    def drip_body(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    def drip_head(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    left = threading.Event()
    soon = replace(SMALL, file_s=0.8)
    assert "takes too long" in read_error(drip_body, limits=soon)
    assert "takes too long" in read_error(drip_head, limits=soon)
    silent = replace(SMALL, timeout_s=0.4)
    assert "the server does not answer" in read_error(lambda _: left.wait(60), limits=silent)
    left.set()


def test_an_answer_that_ends_early_or_is_none_is_an_error() -> None:
    assert "ended early" in read_error(lambda handler: send(handler, b"\x1f\x8b", size=500))
    assert "cannot be read" in read_error(lambda handler: handler.wfile.write(b"\0\1nonsense\r\n\r\n") and None)
    assert "cannot be read" in read_error(lambda handler: handler.connection.close())


# ---- where it leads


def test_redirects_are_followed_five_times(site: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        hops, _, path = handler.path[1:].partition("/")
        if hops == "0":
            send(handler, (site / path).read_bytes())
        else:
            send(handler, b"", status=302, Location=f"/{int(hops) - 1}/{path}")

    with serving(answer) as server:
        assert Address(f"{server.url}5").read("data/site.json").startswith(b"{")
        with pytest.raises(SourceError, match="leads on more than 5 times"):
            Address(f"{server.url}6").read("data/site.json")


def test_a_redirect_to_nowhere_is_an_error() -> None:
    assert "without saying where" in read_error(lambda handler: send(handler, b"", status=301))


@pytest.mark.parametrize(
    ("url", "target", "reason"),
    [
        ("https://example.org/a", "http://example.org/a", "not encrypted"),
        ("https://example.org/a", "http://127.0.0.1/a", "not encrypted"),
        ("https://example.org/a", "file:///etc/passwd", "not encrypted"),
        ("https://example.org/a", "ftp://example.org/a", "not encrypted"),
        ("https://example.org/a", "https://ada:secret@example.org/a", "a name or a password"),
        ("https://example.org/a", "https://127.0.0.1/a", "private network"),
        ("https://example.org/a", "https://localhost/a", "private network"),
        ("https://example.org/a", "https://10.1.2.3/a", "private network"),
        ("https://example.org/a", "https://169.254.169.254/latest/meta-data", "private network"),
        ("https://example.org/a", "https://[::1]/a", "private network"),
        ("https://example.org/a", "https://[::ffff:192.168.0.1]/a", "private network"),
        ("https://example.org/a", "https://printer.local/a", "private network"),
        ("http://127.0.0.1/a", "http://example.org/a", "not encrypted"),
        ("http://127.0.0.1/a", "file:///etc/passwd", "is no address"),
    ],
)
def test_redirects_that_are_not_followed(url: str, target: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        next_address(url, target, from_public=url.startswith("https"))


def test_redirects_that_are_followed() -> None:
    assert next_address("https://example.org/a/b", "../c", from_public=True) == "https://example.org/c"
    assert next_address("https://example.org/a", "https://cdn.example.org/a", from_public=True)
    assert next_address("https://intranet/a", "https://10.1.2.3/a", from_public=False)
    assert next_address("http://localhost/a", "http://127.0.0.1/b", from_public=False)


def test_a_name_that_leads_from_a_public_machine_to_a_private_one_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([True, False])  # as if the name had another address the second time
    monkeypatch.setattr(address, "is_public", lambda _: next(answers))
    monkeypatch.setattr(address, "_is_private_text", lambda _: False)
    monkeypatch.setattr(address, "LOCAL_HOSTS", frozenset())
    monkeypatch.setattr(address, "_split", address.urlsplit)
    with serving(lambda handler: send(handler, b"", status=302, Location="/private")) as server:
        with pytest.raises(SourceError, match="private network"):
            Address(server.url, limits=SMALL).read("data/site.json")
        assert server.asked == ["/data/site.json"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("http://example.org/site", "not encrypted, so that anybody on the way could change it: write https://"),
        ("http://192.168.0.7/site", "not encrypted"),
        ("https://ada:secret@example.org/", "a name or a password"),
        ("https://", "is no address"),
        ("https://exa mple.org/", "is no address"),
        ("https://example.org:port/", "is no address"),
        ("https://example.org/\r\nX: y", "is no address"),
    ],
)
def test_addresses_that_are_not_asked(source: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        discover([source], cache=StatCache(None))
    assert "secret" not in str(caught.value)


# ---- lying sites


def _discover_error(answer: object) -> str:
    with serving(answer) as server, pytest.raises(SourceError) as caught:  # type: ignore[arg-type]
        discover([server.url], cache=StatCache(None))
    return str(caught.value)


@pytest.mark.parametrize("kind", ["record missing", "record of before", "artifact missing"])
def test_a_site_that_is_uploaded_in_part_is_an_error(site: Path, tmp_path: Path, kind: str) -> None:
    part = tmp_path / "part"
    shutil.copytree(site, part)
    if kind == "artifact missing":
        next(part.glob("a/*")).unlink()
    elif kind == "record missing":
        next(part.glob("data/runs/*")).unlink()
    else:
        next(part.glob("data/runs/*")).write_bytes(gzip.compress(b'{"event":"start"}\n'))
    said = _discover_error(files_of(part))
    assert "is not whole" in said and "being uploaded" in said


def test_a_site_of_a_newer_format_says_what_to_install(site: Path) -> None:
    document = {**json.loads((site / "data" / "site.json").read_bytes()), "format": 99, "reportgen": "7.1"}
    said = _discover_error(lambda handler: send(handler, json.dumps(document).encode()))
    assert "format 99, newer than" in said and "pip install -U 'reportgen>=7.1'" in said


def test_names_of_a_site_lead_to_no_other_file(site: Path, tmp_path: Path) -> None:
    good, digest = read_entries(site), "0" * 64
    files = {f"a/../../{digest[:20]}.txt": digest, "/etc/passwd": digest, f"a/{digest[:20]}.txt": "f" * 64}

    def spoil(head: dict[str, Any]) -> None:
        entry = next(iter(head["runs"].values()))
        entry["files"] |= files
        outside = {"data/runs/00000000000000000000000000000000.jsonl.gz": "../../../outside"}
        head["runs"] |= {"../../../../etc/passwd": entry, "0" * 32: {**entry, "files": outside}, "1" * 32: "nothing"}

    change_packs(site, spoil)
    with serving(files_of(site)) as server:
        found = discover([server.url], cache=StatCache(None))
    assert {ref.key for ref in found.runs} == set(good)
    assert sorted(server.asked)[:1] == [f"/a/{next(site.glob('a/*')).name}"]
    assert len(server.asked) == 6
    assert {p.parent.name for p in (tmp_path / "cache").rglob("*.*") if p.is_file()} == {"records", "a"}
    assert [p.message for p in found.problems if "shape" in p.message]
