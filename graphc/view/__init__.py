"""One page of how a model was compiled: its layers, the graph after each pass, kernels, memory.

`compiled_view` collects the facts, `compare` says what differs between those of two builds, `page`
makes one HTML file of either that needs no network.
"""

from graphc.view.collect import compiled_view
from graphc.view.compare import compare
from graphc.view.document import COMPILE_FLAGS, ComparedBuilds, CompiledView
from graphc.view.notebook import ShownView, shown_model
from graphc.view.page import page, read_page, write_page
from graphc.view.subject import Subject, subject_of
from graphc.view.trace import write_trace

__all__ = [
    "COMPILE_FLAGS",
    "ComparedBuilds",
    "CompiledView",
    "ShownView",
    "Subject",
    "compare",
    "compiled_view",
    "page",
    "read_page",
    "shown_model",
    "subject_of",
    "write_page",
    "write_trace",
]
