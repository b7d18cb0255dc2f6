"""A page within a notebook."""

from __future__ import annotations

import html
from collections.abc import Mapping

from graphc.engine.training.model import Model
from graphc.paths import GivenPath
from graphc.view.collect import compiled_view
from graphc.view.document import CompiledView
from graphc.view.page import page, write_page
from graphc.view.subject import subject_of

_HEIGHT = 900


class ShownView:
    """A page of how a model was compiled; a notebook shows it in a frame of its own.

    Attributes:
        document: all that it shows.
    """

    def __init__(self, document: CompiledView):
        self.document = document

    def save(self, filepath: GivenPath) -> None:
        """Write the page into a file, whole or not at all."""
        write_page(self.document, filepath)

    def __repr__(self) -> str:
        totals = self.document.kernels["totals"]
        return (
            f"<a page of {self.document.kernels['model']}: {totals['kernels']} kernels; a notebook "
            "shows it, save(path) writes it>"
        )

    def _repr_html_(self) -> str:
        source = html.escape(page(self.document))
        return (
            f'<iframe srcdoc="{source}" sandbox="allow-scripts" title="graphc view" '
            f'style="width: 100%; min-width: 920px; height: {_HEIGHT}px; border: 0"></iframe>'
        )


def shown_model(
    model: Model,
    batch: int | None = None,
    sizes: Mapping[str, int] | None = None,
    target: str | None = None,
) -> ShownView:
    """Return the page of a compiled model; arguments and errors as of `Model.kernels`."""
    model._graphc_trainer.need_compiled("view")
    summary = f"{len(model.layers)} layers, optimizer {type(model.optimizer).__name__}"
    subject = subject_of(model, model.name, summary)
    chosen = subject.batch if batch is None else batch
    return ShownView(compiled_view(subject, chosen, sizes, target))
