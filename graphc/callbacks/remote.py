"""Callbacks that report the training to another process."""

from __future__ import annotations

import http.client
import json
import logging
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from graphc.callbacks.base import Callback, Logs
from graphc.errors import ArgumentError, DTypeError

# Training waits for the answer, so a server that accepts and says nothing must not hold it up.
_TIMEOUT_SECONDS = 5.0

_log = logging.getLogger("graphc")


class RemoteMonitor(Callback):
    """Posts the logs of each epoch to a server, as a form whose one field is JSON.

    The JSON is ``{"epoch": number from 0, name: value, ...}``, posted to `root` + `path`. Training
    goes on where the server does not answer in 5 seconds, or answers with an error: a warning says
    so once, and again when that happens after an epoch that arrived.

    Args:
        root: where the server is: an http or https address.
        path: after it, with a slash first.
        field: the name of the form's field.
        headers: of the request, beside those of a form: a dict of texts.

    Raises:
        ArgumentError: an address of another form, a field or headers that are no texts.
        DTypeError: in training, logs with a value that JSON cannot hold.
    """

    on_first_rank_only = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
    ):
        _check_address(root)
        _check_path(path)
        texts = [field, *(headers or {}), *(headers or {}).values()]
        if any(not isinstance(one, str) or "\n" in one or "\r" in one for one in texts):
            raise ArgumentError(
                "RemoteMonitor: expected a text as field and texts of one line as headers, "
                f"received {field!r} and the headers {', '.join(map(repr, headers or ()))}"
            )
        self.root, self.path, self.field = root, path, field
        self.headers = dict(headers or {})
        self._reached = True

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reached = True

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        text = json.dumps({"epoch": epoch, **(logs or {})}, default=_plain)
        form = urllib.parse.urlencode({self.field: text}).encode("ascii")
        request = urllib.request.Request(self.root + self.path, form, self.headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):
                self._reached = True
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if self._reached:
                _log.warning(
                    "RemoteMonitor could not post epoch %d to %s%s (%s); training goes on. Start "
                    "the server, or give the address where it listens: RemoteMonitor(root=...)",
                    epoch,
                    self.root,
                    self.path,
                    error,
                )
            self._reached = False


def _check_address(root: object) -> None:
    """An ArgumentError for what urllib would not take, or would take for a file."""
    address = root if isinstance(root, str) and re.fullmatch("[!-~]+", root) else ""
    try:
        parts = urllib.parse.urlsplit(address)
        wanted = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is no number
        wanted = False
    if not wanted:
        raise ArgumentError(
            "RemoteMonitor: root: expected the address of a server, e.g. 'http://localhost:9000', "
            f"received {root!r}"
        )
    if parts.username is not None or parts.query or parts.fragment:
        # The address is not shown: it may hold a password.
        raise ArgumentError(
            "RemoteMonitor: root: expected an address of scheme, host, port and path alone, "
            "received one with a user name, a query or a fragment, which it does not send"
        )


def _check_path(path: object) -> None:
    if not isinstance(path, str) or not re.fullmatch("/[!-~]*", path):
        raise ArgumentError(
            "RemoteMonitor: path: expected a path on the server, e.g. '/publish/epoch/end/', "
            f"received {path!r}"
        )


def _plain(value: object) -> object:
    """NumPy's scalars and arrays as JSON can hold them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise DTypeError(
        f"RemoteMonitor: expected logs of numbers, texts and lists, received {value!r} of type "
        f"{type(value).__name__}; a callback in front of it must have put it there"
    )
