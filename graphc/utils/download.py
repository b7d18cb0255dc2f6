"""Fetching a file over https: whole, of the expected content, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tqdm import tqdm

from graphc.errors import ArgumentError, DownloadError
from graphc.whole_files import written_whole

DIGITS = {"sha256": 64, "md5": 32}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_CHUNK = 1 << 16
_SECONDS_OF_SILENCE = 30


def fetch(origin: str, target: Path, checksums: Mapping[str, str], size_limit: int) -> None:
    """Write what lies at an address into the file `target`.

    Args:
        origin: an https address (http on this machine itself); so is every address that it
            redirects to.
        target: the file, in a folder that exists.
        checksums: 'sha256' or 'md5' -> the expected digest, in hexadecimal digits.
        size_limit: in bytes.

    Raises:
        ArgumentError: `origin` is no such address.
        DownloadError: no answer, a cut connection, too many bytes, or another content. `target` is
            then as before.
    """
    if not _is_safe(origin):
        raise ArgumentError(
            f"expected an address that starts with https:// (http:// for this machine alone), "
            f"received {origin!r}"
        )
    found = {name: hashlib.new(name, usedforsecurity=False) for name in checksums}
    with written_whole(target) as part, open(part, "wb") as file, _open(origin, target) as answer:
        expected = _stated_size(answer, origin, bool(checksums))
        if expected is not None and expected > size_limit:
            raise _too_large(origin, f"{expected}", size_limit)
        with tqdm(
            total=expected,
            desc=target.name,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            disable=None,
        ) as bar:
            received = 0
            for chunk in _chunks(answer, origin):
                received += len(chunk)
                if received > size_limit:
                    raise _too_large(origin, f"more than {size_limit}", size_limit)
                file.write(chunk)
                for digest in found.values():
                    digest.update(chunk)
                bar.update(len(chunk))
        if expected is not None and received != expected:
            raise DownloadError(
                f"{origin}: the connection was cut after {received} of {expected} bytes; try again"
            )
        _compare(checksums, {name: one.hexdigest() for name, one in found.items()}, origin)


def check_file(path: Path, checksums: Mapping[str, str]) -> None:
    """DownloadError where a file that is there already has another content."""
    found = {}
    for name in checksums:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, partial(hashlib.new, name, usedforsecurity=False))
            found[name] = digest.hexdigest()
    _compare(checksums, found, f"{path} (there already; delete it to fetch it again)")


def checked_digests(checksums: Mapping[str, str | None]) -> dict[str, str]:
    """The given ones, in lower case. ArgumentError for what is no digest of its kind."""
    given = {}
    for name, digest in checksums.items():
        if digest is None:
            continue
        if not isinstance(digest, str) or not re.fullmatch(
            f"[0-9a-fA-F]{{{DIGITS[name]}}}", digest
        ):
            raise ArgumentError(
                f"{name}: expected {DIGITS[name]} hexadecimal digits, received {digest!r}"
            )
        given[name] = digest.lower()
    return given


def _compare(expected: Mapping[str, str], found: Mapping[str, str], where: str) -> None:
    for name, digest in expected.items():
        if digest != found[name]:
            raise DownloadError(
                f"{where}: expected content with the {name} {digest}, received {found[name]}"
            )


def _is_safe(address: str) -> bool:
    try:
        parts = urlsplit(str(address))
    except ValueError:  # brackets without an address in them
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows an answer to another address only where that is as safe as the first has to be."""

    def redirect_request(  # names of the base class
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not _is_safe(newurl):
            raise DownloadError(
                f"{req.full_url}: redirects to {newurl!r}, which is not an https:// address"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(origin: str, target: Path) -> http.client.HTTPResponse:
    request = urllib.request.Request(origin, headers={"User-Agent": "graphc"})
    try:
        answer: http.client.HTTPResponse = urllib.request.build_opener(_SafeRedirects).open(
            request, timeout=_SECONDS_OF_SILENCE
        )
        return answer
    except DownloadError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(f"{origin}: the server answered {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(
            f"{origin} cannot be reached ({reason}). Without a network, fetch it elsewhere and put "
            f"it here: {target}"
        ) from error


def _stated_size(answer: http.client.HTTPResponse, origin: str, checked: bool) -> int | None:
    """Return the number of bytes that will come; None where they come in chunks, or a checksum
    marks the end."""
    size = answer.headers.get("Content-Length")
    if size is not None and size.strip().isdigit():
        return int(size)
    if not answer.chunked and not checked:
        raise DownloadError(
            f"{origin}: the server does not say how many bytes it sends, so that a cut connection "
            "would go unseen; give the sha256 of the file"
        )
    return None


def _chunks(answer: http.client.HTTPResponse, origin: str) -> Iterator[bytes]:
    while True:
        try:
            chunk = answer.read(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise DownloadError(f"{origin}: the connection was cut ({error}); try again") from error
        if not chunk:
            return
        yield chunk


def _too_large(origin: str, bytes_there: str, limit: int) -> DownloadError:
    return DownloadError(
        f"{origin}: expected at most {limit} bytes, received {bytes_there}; give a larger "
        "size_limit if that is right"
    )
