"""One HTML file of a document: itself, and the script and the style that show it."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from graphc.errors import DataError, InstallationError, MissingFileError
from graphc.package_version import __version__
from graphc.paths import GivenPath, checked_path, shown_path
from graphc.view.columns import by_columns, by_rows
from graphc.view.document import FORMAT, ComparedBuilds, CompiledView
from graphc.whole_files import written_whole

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline';
 style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<noscript>This page needs JavaScript, which is switched off in this browser.</noscript>
<script type="application/json" data-sha256="{digest}" id="compiled-view">{document}</script>
<script>
{script}</script>
</body>
</html>
"""


_EMBEDDED = re.compile(
    r'<script type="application/json" (?:data-sha256="(\w*)" )?id="compiled-view">([^<]*)</script>'
)


def page(view: CompiledView | ComparedBuilds) -> str:
    """Return the page as text; it needs nothing but itself."""
    document = embedded(view)
    return _PAGE.format(
        title=html.escape(f"{view.title}: graphc view"),
        style=_part("view.css"),
        digest=_digest(document),
        document=document,
        script=_part("view.js"),
    )


def write_page(view: CompiledView | ComparedBuilds, path: GivenPath) -> None:
    """Write the page into a file, whole or not at all; raises what `written_whole` does."""
    text = page(view)
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def embedded(view: CompiledView | ComparedBuilds) -> str:
    """Return the document as JSON that may stand within a page: no text in it ends the element, or
    begins another. Nodes, of which there are thousands, are held by columns."""
    document = view.as_dict()
    if "builds" in document:
        document["builds"] = [_shortened(build) for build in document["builds"]]
    else:
        document = _shortened(document)
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def read_page(path: GivenPath) -> dict[str, Any]:
    """Return the document of a page that `write_page` wrote of a `CompiledView`, as JSON has it.

    Raises:
        MissingFileError: no such file.
        DataError: a file that is no such page, or was changed, a page of another form, or one of
            two builds.
    """
    given = checked_path("a page to read", path)
    shown = shown_path(given)
    try:
        text = Path(given).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingFileError(f"view: there is no page {shown}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"view: {shown} cannot be read as a page ({error})") from error
    found = _EMBEDDED.search(text)
    if found is None:
        raise DataError(
            f"view: {shown}: expected a page that graphc view wrote, whole, and found no document "
            "of one"
        )
    digest, written = found.groups()
    # Pages of form 1 had no digest.
    if digest is not None and digest != _digest(written):
        raise DataError(
            f"view: {shown}: the document in it was changed after graphc view wrote it; write the "
            "page again"
        )
    document: dict[str, Any] = json.loads(written)
    if document["format"] != FORMAT:
        raise DataError(
            f"view: {shown}: expected a document of form {FORMAT}, received form "
            f"{document['format']}, of graphc {document['graphc']}; write it again with this "
            f"graphc ({__version__}), or compare with that one"
        )
    if "builds" in document:
        raise DataError(
            f"view: {shown}: expected a page of one build, received one that compares two; give "
            "the pages that it was made of"
        )
    return document | {"nodes": by_rows(document["nodes"])}


def _shortened(document: Mapping[str, Any]) -> dict[str, Any]:
    return {**document, "nodes": by_columns(document["nodes"])}


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def _part(name: str) -> str:
    """A file of the bundle that web/build.js makes."""
    found = files("graphc.view") / "bundle" / name
    try:
        return found.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InstallationError(
            f"graphc's file {found} is missing; install graphc again, or run `make web` in a "
            "checkout"
        ) from error
