"""One HTML file of a `CompiledView`: the document, and the script and the style that show it."""

from __future__ import annotations

import html
import json
from importlib.resources import files

from graphc.errors import InstallationError
from graphc.paths import GivenPath
from graphc.view.document import CompiledView
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
<script type="application/json" id="compiled-view">{document}</script>
<script>
{script}</script>
</body>
</html>
"""


def page(view: CompiledView) -> str:
    """Return the page as text; it needs nothing but itself."""
    return _PAGE.format(
        title=html.escape(f"{view.kernels['model']}: graphc view"),
        style=_part("view.css"),
        document=embedded(view),
        script=_part("view.js"),
    )


def write_page(view: CompiledView, path: GivenPath) -> None:
    """Write the page into a file, whole or not at all; raises what `written_whole` does."""
    text = page(view)
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def embedded(view: CompiledView) -> str:
    """Return the document as JSON that may stand within a page: no text in it ends the element, or
    begins another."""
    text = json.dumps(view.as_dict(), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


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
