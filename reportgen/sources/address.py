"""A published site by its `https://` address: fetches single files of it, and mirrors what a build reads of it.

Everything that comes is untrusted, and so is where the server sends us: the paths that are asked for and written are
made here from checked keys and digests, sizes and times have limits, and a public server leads to no private one.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from reportgen.errors import FormatError, SourceError
from reportgen.formats import short_key
from reportgen.sources.packs import (
    EDITS,
    SITE_JSON,
    PackRef,
    RunEntry,
    check_document,
    decode_entries,
    is_digest,
    iter_packs,
    record_path,
    split_pack,
)
from reportgen.sources.site import FoundSite, make_site
from reportgen.sources.statcache import StatCache

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that may be asked without encryption."""
KEEP_S: Final = 24 * 3600
"""A file that the site has no more stays in its mirror so long, since another build may be reading it."""
KEEP_SITE_S: Final = 30 * 24 * 3600
"""The mirror of a site that is asked for no more stays so long."""

_CHUNK: Final = 1 << 16
_GZIP: Final = b"\x1f\x8b"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_ARTIFACT: Final = re.compile(r"a/([0-9a-f]{20})\.[a-z0-9]{1,10}(?:\.txt)?")
_USED: Final = "used"
"""File in a mirror whose time says when the mirror was last asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent on one address."""

    timeout_s: float = 30.0
    """To connect, and to wait for further bytes."""
    file_s: float = 600.0
    """For one file, redirects included."""
    total_s: float = 3600.0
    """For all files together."""
    file_bytes: int = 1 << 30
    """Of one file, packed or unpacked."""
    total_bytes: int = 16 << 30
    """Received in all."""
    redirects: int = 5
    pauses_s: tuple[float, ...] = (0.5, 2.0)
    """Waits before a server that does not answer is asked again."""
    parallel: int = 6
    """Files that are fetched at once."""


DEFAULT_LIMITS: Final = Limits()


class Address:
    """The site at an `https://` address. Its methods may be called from several threads.

    Raises `SourceError` for an address that cannot be used: not https (but on this machine), or with a password in it.
    """

    def __init__(self, source: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> None:
        text = re.sub(r"^(https?):/+", r"\1://", os.fspath(source), count=1, flags=re.IGNORECASE)  # a Path has lost one
        parts = _split(text)
        path = parts.path.rpartition("/")[0] if parts.path.endswith(".html") else parts.path.rstrip("/")
        self.url = urlunsplit((parts.scheme, parts.netloc, f"{path}/", "", ""))
        """The folder of the site, with a slash at its end."""
        self._limits = limits
        self._deadline = time.monotonic() + limits.total_s
        self._received = 0
        self._lock = threading.Lock()
        self._context = ssl.create_default_context()

    def read(self, path: str) -> bytes:
        """Return the bytes of the file at a site path; a file that ends in `.gz` comes packed. Raises `SourceError`."""
        sink = io.BytesIO()
        encoding = self._fetch(path, sink)
        data = sink.getvalue()
        if encoding == "gzip":
            unpacked = self._unpacked(path, data)
            data = data if path.endswith(".gz") and not unpacked.startswith(_GZIP) else unpacked
        if path.endswith(".gz") and not data.startswith(_GZIP):
            raise self.wrong_content(path, data)
        return data

    def save(self, path: str, file: str, sha256: str) -> None:
        """Put the bytes of the file at a site path, which have the digest `sha256`, in place as `file`, whole.

        Raises `SourceError` for other bytes: a site is written file by file, and not all hosts show it at once.
        """
        beside = f"{file}.{os.getpid()}.{threading.get_ident()}.part"
        try:
            with open(beside, "w+b") as sink:
                encoding = self._fetch(path, sink)
                sink.seek(0)
                good = hashlib.file_digest(sink, "sha256").hexdigest() == sha256
                if not good and encoding == "gzip":
                    sink.seek(0)
                    data = self._unpacked(path, sink.read())
                    sink.seek(0)
                    sink.truncate()
                    sink.write(data)
                    good = hashlib.sha256(data).hexdigest() == sha256
            if not good:
                raise self.incomplete(path)
            then = time.time() - 60  # the bytes behind a digest never change: the cache of digests may trust it at once
            os.utime(beside, (then, then))
            os.replace(beside, file)
        except OSError as error:
            raise SourceError(f"cannot write '{file}': {error.strerror or error}") from None
        finally:
            with suppress(OSError):
                os.unlink(beside)

    # ---- what is said of it

    def incomplete(self, path: str) -> SourceError:
        """Return the error for a file that is not the one which the site lists."""
        return SourceError(
            f"the site at '{self.url}' is not whole: '{path}' is missing or not what {SITE_JSON} lists. "
            "It is being uploaded, or was uploaded in part: try again, then upload it once more"
        )

    def wrong_content(self, path: str, data: bytes) -> SourceError:
        """Return the error for bytes that are something else than the file that was asked for."""
        head = data[:512].lstrip().lower()
        what = "a web page" if head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")) else "something else"
        return SourceError(f"'{self.url}{path}' is {what} and no file of a site: {_GIVE}")

    # ---- one file

    def _fetch(self, path: str, sink: IO[bytes]) -> str:
        """Write the bytes of a file as they come into `sink`; return how they are encoded."""
        deadline = min(self._deadline, time.monotonic() + self._limits.file_s)
        for pause in (*self._limits.pauses_s, None):
            try:
                return self._fetch_once(path, sink, deadline)
            except _Busy as busy:
                if pause is None or time.monotonic() + pause > deadline:
                    raise SourceError(str(busy)) from None
                sink.seek(0)
                sink.truncate()
                time.sleep(pause)
        raise AssertionError

    def _fetch_once(self, path: str, sink: IO[bytes], deadline: float) -> str:
        """Follow redirects to the file and receive it. Raises `_Busy` where another attempt may help."""
        url = first = f"{self.url}{path}"
        hop = _Hop(first)
        for _ in range(self._limits.redirects + 1):
            try:
                with self._open(url, hop, deadline) as response:
                    self._receive(response, url, sink, deadline)
                    return (response.headers.get("Content-Encoding") or "").strip().lower()
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in _REDIRECTS:
                        raise self._refused(error, path, url) from None
                    url = next_address(url, error.headers.get("Location"), from_public=hop.is_public)
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() >= deadline:
                    raise self._late(url) from None
                raise _Busy(f"'{url}' cannot be read: {_reason(error)}") from None
        raise SourceError(f"'{first}' leads on more than {self._limits.redirects} times: give the address it ends at")

    @contextmanager
    def _open(self, url: str, hop: _Hop, deadline: float) -> Iterator[http.client.HTTPResponse]:
        """Open one address without following it. Whatever the server does, the connection ends at the deadline."""
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise self._late(url)
        headers = {
            "User-Agent": "reportgen",
            "Accept": "*/*",
            "Accept-Encoding": "gzip" if url.endswith(".json") else "identity",
        }
        host = urlsplit(url).hostname or ""
        handlers: list[urllib.request.BaseHandler] = [_Stay(), _Http(hop, host), _Https(hop, host, self._context)]
        if host in LOCAL_HOSTS:
            handlers.append(urllib.request.ProxyHandler({}))
        opener = urllib.request.build_opener(*handlers)
        timer = threading.Timer(remaining, hop.cut)
        timer.daemon = True
        timer.start()
        try:
            timeout = min(self._limits.timeout_s, remaining)
            with opener.open(urllib.request.Request(url, headers=headers), timeout=timeout) as response:  # noqa: S310 - schemes are checked
                yield response
        finally:
            timer.cancel()

    def _receive(self, response: http.client.HTTPResponse, url: str, sink: IO[bytes], deadline: float) -> None:
        limit = self._limits.file_bytes
        declared = response.headers.get("Content-Length") or ""
        size = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0
        while size <= limit:
            chunk = response.read1(_CHUNK)
            if time.monotonic() >= deadline:
                raise self._late(url)
            if not chunk:
                break
            sink.write(chunk)
            size = max(size, sink.tell())
            with self._lock:
                self._received += len(chunk)
                if self._received > self._limits.total_bytes:
                    raise SourceError(
                        f"the site at '{self.url}' has more than {self._limits.total_bytes:,} bytes: download it by "
                        "other means and give its folder"
                    )
        if size > limit:
            raise SourceError(f"'{url}' has more than {limit:,} bytes: download the site and give its folder")
        if response.length:
            raise _Busy(f"'{url}' cannot be read: the connection ended early")

    def _unpacked(self, path: str, data: bytes) -> bytes:
        inflate = zlib.decompressobj(31)
        try:
            unpacked = inflate.decompress(data, self._limits.file_bytes)
        except zlib.error:
            raise self.wrong_content(path, data) from None
        if inflate.unconsumed_tail:
            raise SourceError(f"'{self.url}{path}' has more than {self._limits.file_bytes:,} bytes when unpacked")
        return unpacked

    def _refused(self, error: urllib.error.HTTPError, path: str, url: str) -> Exception:
        answer = f"{error.code} {http.client.responses.get(error.code, '')}".strip()
        if error.code in (404, 410):
            return NotThere(
                f"there is no site of reportgen at '{self.url}', or it is still being uploaded: it has no '{path}' "
                f"({answer}). {_GIVE}"
            )
        if error.code in (401, 403, 407):
            return SourceError(
                f"'{url}' may not be read ({answer}): reportgen sends no password and no token. "
                "Download the site and give its folder"
            )
        message = f"'{url}' cannot be read: the server answers {answer}"
        return _Busy(message) if error.code in _BUSY else SourceError(message)

    def _late(self, url: str) -> SourceError:
        return SourceError(f"'{url}' takes too long: download the site by other means and give its folder")


_GIVE: Final = "Give the address of a site's first page, such as https://example.org/runs/"


class _Busy(Exception):  # noqa: N818 - never seen outside
    """The server did not answer, or not to the end: it may do so when it is asked again."""


class NotThere(SourceError):  # noqa: N818 - an answer
    """The server says that there is no such file."""


# ---- where it may lead


def _split(url: str) -> SplitResult:
    """Return the parts of an address that may be asked. Raises `SourceError` for any other."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise SourceError(f"'{url}' is no address: {error}") from None
    if not host or not url.isprintable() or " " in url:
        raise SourceError(f"'{url}' is no address: {_GIVE}")
    if "@" in parts.netloc:
        raise SourceError("an address with a name or a password is not asked: download the site and give its folder")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOCAL_HOSTS):
        raise SourceError(f"'{url}' is not encrypted, so that anybody on the way could change it: write https://")
    return parts


def next_address(url: str, location: str | None, *, from_public: bool) -> str:
    """Return the address that the answer of `url` leads to.

    Raises `SourceError` where it leads to one that is not asked: not encrypted after one that is, or, `from_public`,
    one on a private network.
    """
    if not location:
        raise SourceError(f"'{url}' leads on without saying where to")
    target = urljoin(url, location)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise SourceError(f"'{url}' leads to '{target[:200]}', which is not encrypted: it was not followed")
    host = (_split(target).hostname or "").lower()
    private = host in LOCAL_HOSTS or host.endswith((".localhost", ".local", ".internal")) or _is_private_text(host)
    if from_public and private:
        raise _led_astray(url, host)
    return target


def _led_astray(url: str, host: str) -> SourceError:
    return SourceError(f"'{url}' leads to '{host}' on a private network: it was not followed")


def _is_private_text(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return False


def is_public(ip: str) -> bool:
    """Tell whether an IP address belongs to the public internet; raise `ValueError` for what is none."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_global)


class _Hop:
    """What is known of the way from one address to the file: where it began, and the open connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_public = False
        self._began = False
        self._socket: socket.socket | None = None

    def connected(self, connection: http.client.HTTPConnection, host: str) -> None:
        """Look at the machine that answers, before anything is asked. Raises `SourceError`."""
        self._socket = connection.sock
        direct = connection.host.lower() == host
        public = not direct or is_public(connection.sock.getpeername()[0])  # a proxy decides what it may reach
        if self._began and self.is_public and not public:
            raise _led_astray(self.url, host)
        if not self._began:
            self._began, self.is_public = True, public

    def cut(self) -> None:
        """End the connection: what is being waited for comes to its end."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class _HttpConnection(http.client.HTTPConnection):
    def __init__(self, *arguments: Any, on_connect: Callable[[http.client.HTTPConnection], None], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._on_connect = on_connect

    def connect(self) -> None:
        super().connect()
        self._on_connect(self)


class _HttpsConnection(http.client.HTTPSConnection):
    def __init__(self, *arguments: Any, on_connect: Callable[[http.client.HTTPConnection], None], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._on_connect = on_connect

    def connect(self) -> None:
        super().connect()
        self._on_connect(self)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, hop: _Hop, host: str) -> None:
        super().__init__()
        self._make = partial(_HttpConnection, on_connect=partial(hop.connected, host=host))

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, hop: _Hop, host: str, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._make = partial(_HttpsConnection, on_connect=partial(hop.connected, host=host), context=context)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, req)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: where one leads is looked at first."""

    def redirect_request(self, *_: Any) -> None:
        """Return nothing to ask for."""


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


# ---- the mirror


def find_address_runs(
    source: str | os.PathLike[str],
    cache: StatCache,
    folder: Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[int, int], None] | None = None,
) -> FoundSite:
    """Return what the site at an address holds.

    Records and artifacts that are not in the mirror below `folder` yet are fetched into it, under names made from
    their digests, so that one that is there never changes; `progress` is told (files that have come, files to fetch).
    Raises `SourceError` when the site cannot be read.
    """
    address = Address(source, limits=limits)
    document = fetch_document(address)
    packs = [data for _, data in iter_packs(document, lambda ref: fetch_pack(address, ref))]
    mirror = folder / short_key(address.url)
    records, artifacts = mirror / "records", mirror / "a"
    wanted: dict[str, tuple[str, str]] = {}
    for data in packs:
        try:
            entries = decode_entries(split_pack(data)[0])[0].values()
        except FormatError as error:
            raise SourceError(f"the site at '{address.url}' cannot be read: {error}. Upload it once more") from None
        for entry in entries:
            wanted[_mirrored(records, entry)] = (record_path(entry.key), entry.sha256)
            wanted |= _artifacts(entry.files, str(artifacts))
    try:
        records.mkdir(parents=True, exist_ok=True)
        artifacts.mkdir(exist_ok=True)
        (mirror / _USED).touch()
    except OSError as error:
        raise SourceError(f"cannot write the mirror '{mirror}': {error.strerror}") from None
    missing = [(file, path, digest) for file, (path, digest) in wanted.items() if not _has(file, digest, cache)]
    _fetch_all(address, missing, limits.parallel, progress or (lambda *_: None))
    _tidy(folder, mirror, wanted)
    return make_site(
        document,
        packs,
        fetch_edits(address, document),
        record_of=lambda entry: _mirrored(records, entry),
        artifact_root=str(artifacts),
        cache=cache,
    )


def fetch_document(address: Address) -> dict[str, Any]:
    """Return what `data/site.json` of the site at an address says. Raises `SourceError`."""
    data = address.read(SITE_JSON)
    if data.lstrip()[:1] != b"{":
        raise address.wrong_content(SITE_JSON, data)
    return check_document(data, f"{address.url}{SITE_JSON}")


def fetch_pack(address: Address, ref: PackRef) -> bytes:
    """Return the bytes of a pack. Raises `SourceError` for others than those that `data/site.json` lists."""
    return _fetch_listed(address, ref.path, ref.sha256)


def fetch_edits(address: Address, document: Mapping[str, Any]) -> bytes:
    """Return `data/edits.jsonl` of a site, empty when it lists none. Raises `SourceError`."""
    files = document.get("files")
    sha256 = files.get(EDITS) if isinstance(files, dict) else None
    return _fetch_listed(address, EDITS, sha256) if isinstance(sha256, str) and is_digest(sha256) else b""


def _fetch_listed(address: Address, path: str, sha256: str) -> bytes:
    try:
        data = address.read(path)
    except NotThere:
        raise address.incomplete(path) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise address.incomplete(path)
    return data


def _mirrored(records: Path, entry: RunEntry) -> str:
    return os.path.join(records, f"{entry.sha256}.jsonl.gz")


def _artifacts(files: Mapping[str, str], folder: str) -> dict[str, tuple[str, str]]:
    """Return file in the mirror -> (site path, sha256) of each artifact among the files of a run."""
    found = {}
    for path, digest in files.items():
        shape = _ARTIFACT.fullmatch(path)
        if shape and digest.startswith(shape[1]):
            found[os.path.join(folder, path[2:])] = (path, digest)
    return found


def _has(file: str, digest: str, cache: StatCache) -> bool:
    try:
        return cache.sha256(file) == digest
    except OSError:
        return False


def _fetch_all(
    address: Address, missing: list[tuple[str, str, str]], parallel: int, progress: Callable[[int, int], None]
) -> None:
    """Fetch files, several at once; the first that fails ends it."""
    if not missing:
        return
    progress(0, len(missing))
    with ThreadPoolExecutor(parallel, thread_name_prefix="reportgen-fetch") as pool:
        waiting = [pool.submit(_fetch_one, address, *each) for each in missing]
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                progress(done, len(missing))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch_one(address: Address, file: str, path: str, digest: str) -> None:
    try:
        address.save(path, file, digest)
    except SourceError as error:
        raise (address.incomplete(path) if isinstance(error, NotThere) else error) from None


def _tidy(folder: Path, mirror: Path, wanted: Mapping[str, object]) -> None:
    """Remove what the site has no more, and mirrors that nobody asks for any more."""
    now = time.time()
    for place in (mirror / "records", mirror / "a"):
        for entry in os.scandir(place):
            with suppress(OSError):
                if entry.path not in wanted and now - entry.stat(follow_symlinks=False).st_ctime > KEEP_S:
                    os.unlink(entry.path)
    for other in folder.iterdir():
        with suppress(OSError):
            if other != mirror and now - (other / _USED).stat().st_mtime > KEEP_SITE_S:
                for file in (*other.glob("records/*"), *other.glob("a/*"), other / _USED):
                    file.unlink()
                for place in (other / "records", other / "a", other):
                    place.rmdir()
