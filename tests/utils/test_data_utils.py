"""`get_file` against a server on this machine that cuts, lies and redirects."""

from __future__ import annotations

import hashlib
import inspect
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from graphc.errors import ArgumentError, DownloadError
from graphc.utils import download
from graphc.utils.data_utils import datasets_folder, get_file, validate_file

CONTENT = b"0123456789" * 20000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


def packed() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("numbers/x")
        info.size = len(CONTENT)
        tar.addfile(info, io.BytesIO(CONTENT))
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.close_connection = True
        getattr(self, self.path[1:].replace("-", "_").split("?")[0], self.missing)()

    def answer(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def whole(self) -> None:
        self.answer(CONTENT, Content_Length=str(len(CONTENT)))

    def archive(self) -> None:
        self.answer(packed(), Content_Length=str(len(packed())))

    def cut(self) -> None:
        self.answer(CONTENT[:70000], Content_Length=str(len(CONTENT)))

    def unsized(self) -> None:
        self.answer(CONTENT)

    def chunked(self) -> None:
        pieces = [CONTENT[k : k + 1000] for k in range(0, len(CONTENT), 1000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        self.answer(body + b"0\r\n\r\n", Transfer_Encoding="chunked")

    def cut_chunk(self) -> None:
        self.answer(b"%x\r\n%s" % (1000, CONTENT[:10]), Transfer_Encoding="chunked")

    def redirect_here(self) -> None:
        self.redirect("/whole")

    def redirect_unsafe(self) -> None:
        self.redirect("http://example.invalid/whole")

    def redirect_file(self) -> None:
        self.redirect("file:///etc/hostname")

    def redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def missing(self) -> None:
        self.send_error(404)


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def at(server, monkeypatch, tmp_path):
    """`at(name)` is the address of one of the server's behaviours."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("GRAPHC_DATASETS", str(tmp_path / "data"))
    server.requests.clear()
    return lambda name: f"http://127.0.0.1:{server.server_port}/{name}"


def nothing_is_left(tmp_path: Path) -> bool:
    return not [one for one in (tmp_path / "data").rglob("*") if one.is_file()]


def test_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHC_DATASETS", str(tmp_path))
    assert datasets_folder() == tmp_path
    monkeypatch.delenv("GRAPHC_DATASETS")
    assert datasets_folder() == Path.home() / ".graphc" / "datasets"


@pytest.mark.parametrize("name", ["whole", "chunked", "redirect-here"])
def test_a_file_is_fetched_once(at, server, tmp_path, name):
    path = get_file("numbers", at(name), sha256=SHA256.upper(), md5_hash=MD5)
    assert path == str(tmp_path / "data" / "numbers")
    assert Path(path).read_bytes() == CONTENT
    requests = list(server.requests)
    assert get_file("numbers", at(name), sha256=SHA256) == path
    assert server.requests == requests
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["numbers"]


def test_the_folder_may_be_given(at, tmp_path):
    path = get_file("numbers", at("whole"), cache_dir=tmp_path / "mine")
    assert path == str(tmp_path / "mine" / "numbers")


def test_an_archive_is_fetched_and_unpacked_once(at, server, tmp_path):
    path = get_file("numbers", at("archive"), untar=True)
    assert (Path(path) / "x").read_bytes() == CONTENT
    assert get_file("numbers", at("archive"), untar=True) == path
    assert server.requests == ["/archive"]
    names = {one.name for one in (tmp_path / "data").iterdir()}
    assert names == {"numbers", "numbers.tar.gz"}


@pytest.mark.parametrize("name", ["whole", "chunked"])
def test_a_file_of_the_limit_is_not_too_large(at, name):
    path = get_file(name, at(name), size_limit=len(CONTENT))
    assert Path(path).read_bytes() == CONTENT


def test_the_limit_is_four_gibibytes():
    assert inspect.signature(get_file).parameters["size_limit"].default == 4 * 1024**3


def test_an_archive_is_bounded_by_what_it_unpacks_to(at, tmp_path):
    assert len(packed()) < 1000
    with pytest.raises(DownloadError, match="unpacks to more than 1000 bytes"):
        get_file("numbers", at("archive"), untar=True, size_limit=1000)
    assert not (tmp_path / "data" / "numbers").exists()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cut", {}, "the connection was cut after 70000 of 200000 bytes; try again"),
        ("cut", {"sha256": SHA256}, "cut after 70000 of 200000"),
        ("cut-chunk", {}, "the connection was cut .*; try again"),
        ("whole", {"sha256": "0" * 64}, f"expected .* sha256 {'0' * 64}, received {SHA256}"),
        ("whole", {"md5_hash": "0" * 32}, f"expected content with the md5 0+, received {MD5}"),
        ("whole", {"size_limit": 199999}, "expected at most 199999 bytes, received 200000"),
        ("whole", {"size_limit": 1}, "expected at most 1 bytes, received 200000"),
        ("chunked", {"size_limit": 199999}, "at most 199999 bytes, received more than 199999"),
        ("unsized", {}, "does not say how many bytes it sends.* give the sha256"),
        (
            "redirect-unsafe",
            {},
            "redirects to 'http://example.invalid/whole', which is not an http",
        ),
        ("redirect-file", {}, "redirect"),
        ("nothing", {}, "the server answered 404 Not Found"),
    ],
)
def test_what_fails_leaves_nothing(at, tmp_path, name, options, message):
    with pytest.raises(DownloadError, match=message):
        get_file("numbers", at(name), **options)
    assert nothing_is_left(tmp_path)


def test_a_checksum_stands_for_a_size(at):
    assert Path(get_file("numbers", at("unsized"), sha256=SHA256)).read_bytes() == CONTENT


def test_no_server(at, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    with pytest.raises(DownloadError, match="cannot be reached .* put it here: .*data.numbers"):
        get_file("numbers", f"http://127.0.0.1:{port}/whole")
    assert nothing_is_left(tmp_path)


def test_a_file_that_is_there_is_checked(at, server, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers").write_bytes(b"others")
    with pytest.raises(DownloadError, match="there already; delete it to fetch it again.*sha256"):
        get_file("numbers", at("whole"), sha256=SHA256)
    assert server.requests == []


@pytest.mark.parametrize(
    ("fname", "origin", "options", "message"),
    [
        ("a", "http://example.org/a", {}, "starts with https://.*received 'http://example.org/a'"),
        ("a", "ftp://example.org/a", {}, "starts with https://"),
        ("a", "file:///etc/hostname", {}, "starts with https://"),
        ("a", "https://", {}, "starts with https://"),
        ("a", "http://[", {}, "starts with https://"),
        ("../a", "https://example.org/a", {}, "a name without a folder, received '../a'"),
        ("..", "https://example.org/a", {}, "a name without a folder"),
        ("/a", "https://example.org/a", {}, "a name without a folder"),
        ("", "https://example.org/a", {}, "a name without a folder"),
        ("a.tar.gz", "https://example.org/a", {"untar": True}, "the name of the folder.* give 'a'"),
        ("a", "https://example.org/a", {"sha256": MD5}, "sha256: expected 64 hexadecimal digits"),
        ("a", "https://example.org/a", {"md5_hash": 5}, "md5: expected 32 hexadecimal digits"),
        ("a", "https://example.org/a", {"size_limit": 0}, "size_limit: expected a whole number"),
    ],
)
def test_bad_arguments(tmp_path, fname, origin, options, message):
    with pytest.raises(ArgumentError, match=message):
        get_file(fname, origin, cache_dir=tmp_path, **options)
    assert nothing_is_left(tmp_path)


def test_a_folder_beside_that_of_the_data_sets(at, tmp_path):
    path = get_file("w.h5", at("whole"), md5_hash=MD5, cache_subdir="models")
    assert Path(path) == tmp_path / "models" / "w.h5"
    with pytest.raises(ArgumentError, match="cache_subdir: expected the name of a folder"):
        get_file("w.h5", at("whole"), cache_subdir="a/b")


def test_a_file_that_keras_fetched(at, server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    kept = tmp_path / "home" / ".keras" / "models" / "w.h5"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(CONTENT)
    assert get_file("w.h5", at("whole"), False, MD5, "models") == str(kept)
    assert server.requests == []
    kept.write_bytes(b"others")
    with pytest.raises(DownloadError, match="there already; delete it.*md5"):
        get_file("w.h5", at("whole"), False, MD5, "models")


def test_a_digest_is_compared(tmp_path):
    (tmp_path / "a").write_bytes(CONTENT)
    assert validate_file(tmp_path / "a", MD5)
    assert validate_file(str(tmp_path / "a"), MD5.upper())
    assert not validate_file(tmp_path / "a", "0" * 32)


def test_a_bar_counts_what_was_received(at, monkeypatch, tmp_path):
    bars = []

    class Bar(download.tqdm):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **{**keywords, "disable": False, "file": io.StringIO()})
            bars.append(self)

    monkeypatch.setattr(download, "tqdm", Bar)
    get_file("numbers", at("whole"))
    assert [(bar.n, bar.total, bar.desc) for bar in bars] == [
        (len(CONTENT), len(CONTENT), "numbers")
    ]
