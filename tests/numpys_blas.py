"""The threads of the BLAS that NumPy calls, beside those of another one in the process."""

from __future__ import annotations

from threadpoolctl import ThreadpoolController

# Of what is loaded when the tests begin (conftest.py): SciPy, which some of them import, brings a
# BLAS of its own, whose threads no product of NumPy's takes.
CONTROLLER = ThreadpoolController().select(user_api="blas")


def set_free() -> None:
    """Let any thread set the number: newer releases keep that to the one that did so last."""
    for library in CONTROLLER.lib_controllers:
        getattr(library, "clear_controlling_thread", lambda: None)()


def threads() -> int:
    return max(one["num_threads"] for one in CONTROLLER.info())
