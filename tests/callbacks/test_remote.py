"""The logs of the epochs, as a server on this machine receives them."""

from __future__ import annotations

import json
import socket
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from graphc.callbacks import LambdaCallback, RemoteMonitor, remote
from graphc.errors import ArgumentError, DTypeError
from tests.callbacks.small_model import X, Y, compiled


class Monitor(HTTPServer):
    """Keeps what is posted, and answers with the statuses given, the last one for ever."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = [200]
        self.posts = []
        self.headers = []
        self.root = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posts.append((self.path, self.headers["Content-Type"], body))
        self.server.headers += [self.headers["X-Key"]] if self.headers["X-Key"] else []
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def monitor():
    server = Monitor()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def closed():
    """An address at which nothing listens: the port is taken, and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_each_epoch_is_posted_as_a_form_with_json(monitor, caplog):
    history = compiled().fit(
        X,
        Y,
        initial_epoch=3,
        nb_epoch=5,
        verbose=0,
        validation_data=(X, Y),
        callbacks=[RemoteMonitor(monitor.root)],
    )
    assert caplog.messages == []
    received = []
    for path, kind, body in monitor.posts:
        assert path == "/publish/epoch/end/"
        assert kind == "application/x-www-form-urlencoded"
        (data,) = urllib.parse.parse_qs(body, strict_parsing=True).pop("data")
        received.append(json.loads(data))
    names = ("loss", "acc", "val_loss", "val_acc")
    assert received == [
        {"epoch": epoch, **{name: history.history[name][k] for name in names}}
        for k, epoch in enumerate((3, 4))
    ]


def test_a_path_and_what_other_callbacks_put_into_the_logs(monitor):
    def add(epoch, logs):
        logs.update(rate=np.float32(0.5), counts=np.arange(2), note="a&b=ü")

    RemoteMonitor(monitor.root + "/mine").on_epoch_end(0, logs := {"loss": 1.0})
    compiled().fit(
        X,
        Y,
        nb_epoch=1,
        verbose=0,
        callbacks=[LambdaCallback(on_epoch_end=add), RemoteMonitor(monitor.root)],
    )
    assert logs == {"loss": 1.0}
    (path, _, _), (_, _, body) = monitor.posts
    assert path == "/mine/publish/epoch/end/"
    sent = json.loads(urllib.parse.parse_qs(body)["data"][0])
    assert (sent["rate"], sent["counts"], sent["note"]) == (0.5, [0, 1], "a&b=ü")


def test_another_path_field_and_headers(monitor):
    sender = RemoteMonitor(monitor.root, "/here", "logs", {"X-Key": "secret"})
    sender.on_epoch_end(0, {"loss": 1.0})
    ((path, _, body),) = monitor.posts
    assert path == "/here"
    assert json.loads(urllib.parse.parse_qs(body)["logs"][0]) == {"epoch": 0, "loss": 1.0}
    assert monitor.headers == ["secret"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"path": "here"}, "path: expected a path on the server, .*received 'here'"),
        ({"field": 3}, "expected a text as field"),
        ({"headers": {"X-Key": "secret\nHost: b"}}, ".*headers 'X-Key'$"),  # and not its value
    ],
)
def test_what_is_no_path_field_or_header(arguments, words):
    with pytest.raises(ArgumentError, match=f"RemoteMonitor: {words}"):
        RemoteMonitor(**arguments)


def test_a_missing_server_is_logged_once_and_training_goes_on(closed, caplog):
    history = compiled().fit(X, Y, nb_epoch=3, verbose=0, callbacks=[RemoteMonitor(closed)])
    assert len(history.epoch) == 3
    (message,) = caplog.messages
    assert message.startswith(
        f"RemoteMonitor could not post epoch 0 to {closed}/publish/epoch/end/ ("
    )
    assert "Connection refused" in message
    assert "Start the server" in message


def test_an_error_of_the_server_is_logged_again_after_an_epoch_that_arrived(monitor, caplog):
    monitor.statuses = [404, 404, 200, 500]
    compiled().fit(X, Y, nb_epoch=5, verbose=0, callbacks=[RemoteMonitor(monitor.root)])
    assert len(monitor.posts) == 5
    first, second = caplog.messages
    assert "epoch 0" in first
    assert "HTTP Error 404" in first
    assert "epoch 3" in second
    assert "HTTP Error 500" in second


def test_a_server_that_never_answers_does_not_hold_training_up(monkeypatch, caplog):
    monkeypatch.setattr(remote, "_TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        root = f"http://127.0.0.1:{silent.getsockname()[1]}"
        RemoteMonitor(root).on_epoch_end(0, {"loss": 1.0})
    assert "timed out" in caplog.text


def test_a_server_that_speaks_something_else(caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        RemoteMonitor(f"http://127.0.0.1:{server.getsockname()[1]}").on_epoch_end(0, {})
        thread.join()
    assert "could not post epoch 0" in caplog.text
    assert "SSH-2.0" in caplog.text


def test_the_default_address():
    assert RemoteMonitor().root == "http://localhost:9000"


@pytest.mark.parametrize(
    "root",
    [
        "localhost:9000",
        "file:///tmp",
        "ftp://host",
        "http://",
        "http://host:port",
        "http://[::1",
        "http://a host",
        "http://hüst",
        9000,
        None,
    ],
)
def test_an_address_that_is_none(root):
    with pytest.raises(ArgumentError, match="root: expected the address of a server, e.g."):
        RemoteMonitor(root)


@pytest.mark.parametrize("root", ["http://me:secret@host", "http://host/?key=secret"])
def test_an_address_with_parts_that_are_not_sent_is_refused_and_not_shown(root):
    with pytest.raises(ArgumentError, match="with a user name, a query or a fragment") as kept:
        RemoteMonitor(root)
    assert "secret" not in str(kept.value)


def test_a_value_that_json_cannot_hold(monitor):
    with pytest.raises(DTypeError, match="RemoteMonitor: expected logs of numbers.*type complex"):
        RemoteMonitor(monitor.root).on_epoch_end(0, {"odd": 1j})
    assert monitor.posts == []
