"""One page of how a model was compiled: its layers, the graph after each pass, kernels, memory.

`compiled_view` collects the facts, `page` makes one HTML file of them that needs no network.
"""

from graphc.view.collect import compiled_view
from graphc.view.document import CompiledView
from graphc.view.notebook import ShownView, shown_model
from graphc.view.page import page, write_page
from graphc.view.subject import Subject, subject_of
from graphc.view.trace import write_trace

__all__ = [
    "CompiledView",
    "ShownView",
    "Subject",
    "compiled_view",
    "page",
    "shown_model",
    "subject_of",
    "write_page",
    "write_trace",
]
