"""Training steps that are fast to compile, and their documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, cached_property, partial
from typing import Any

from graphc.compiler.function import Function
from graphc.config import FLAGS, config
from graphc.engine import Input, Model, merge
from graphc.layers.convolutional import Convolution2D
from graphc.layers.core import Activation, Dense, Flatten
from graphc.layers.normalization import BatchNormalization
from graphc.layers.recurrent import SimpleRNN
from graphc.layers.wrappers import TimeDistributed
from graphc.models import Sequential
from graphc.reference_models import ReferenceModel, TrainingStep, gru_ae, mlp
from graphc.view import Subject, compiled_view, subject_of

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"quotes\" 'and' `ticks`",
    "<!--",
    "]]> &amp; &lt;",
    "\u2028 line \u202e turned \u00e9\u00df\u6f22\u5b57 \U0001f600",
)
"""Names of layers that a careless page would take for markup."""


class KeptStep(TrainingStep):
    """A training step of which each set of flags has one function, lowered once: to look at."""

    @cached_property
    def _functions(self) -> dict[tuple[object, ...], Function]:
        return {}

    def function(self, mode: str | None = None) -> Function:
        key = mode, *(getattr(config, flag.name) for flag in FLAGS)
        if key not in self._functions:
            self._functions[key] = super().function(mode)
        return self._functions[key]


@cache
def kept(build: Callable[..., TrainingStep], **sizes: int) -> KeptStep:
    return KeptStep(**vars(build(**sizes)))


# Built once: names of layers and streams of random draws count on from build to build.
SMALL = {
    "small": ReferenceModel(
        "small", "8-16-16-4", 6, partial(kept, mlp.build, features=8, width=16, classes=4)
    ),
    "loop": ReferenceModel(
        "loop", "2-4-2", 5, partial(kept, gru_ae.build, steps=7, features=2, units=4)
    ),
}


@cache
def small_subject(name: str) -> Subject:
    model = SMALL[name]
    return Subject(name, model.summary, model.build().function(), model.batch)


@cache
def document(name: str, target: str = "cuda") -> dict[str, Any]:
    """The document of a small reference model."""
    subject = small_subject(name)
    return compiled_view(subject, subject.batch, target=target).as_dict()


def hostile_model() -> Sequential:
    """A model whose layers, and itself, have hostile names."""
    layers = [
        Dense(3, name=name, **({} if k else {"input_dim": 2})) for k, name in enumerate(HOSTILE)
    ]
    model = Sequential(layers, name=HOSTILE[0])
    model.compile("sgd", "mse")
    return model


@cache
def hostile_subject() -> Subject:
    return subject_of(hostile_model(), HOSTILE[0], HOSTILE[1])


def nested_model() -> Sequential:
    """A model within a model, and a layer within a wrapper."""
    inner = Sequential(
        [TimeDistributed(Dense(4, name="dense"), input_shape=(5, 3), name="each")], name="inner"
    )
    model = Sequential([inner, SimpleRNN(2, name="rnn")], name="outer")
    model.compile("sgd", "mse")
    return model


def residual_model(channels: Sequence[int]) -> Model:
    """A network of residual blocks with so many channels each. Where these change, and at first, a
    convolution is in the shortcut; the other blocks are equal."""

    def convolution(x: Any, filters: int, name: str, size: int = 3) -> Any:
        x = Convolution2D(filters, size, size, border_mode="same", name=f"conv_{name}")(x)
        return BatchNormalization(axis=1, mode=0, name=f"norm_{name}")(x)

    given = Input(shape=(3, 8, 8), name="image")
    x = convolution(given, 3, "stem")
    for k, own in enumerate(channels):
        changes = k == 0 or own != channels[k - 1]
        shortcut = convolution(x, own, f"shortcut_{k}", 1) if changes else x
        branch = Activation("relu", name=f"relu_{k}")(convolution(x, own, f"{k}_a"))
        total = merge([convolution(branch, own, f"{k}_b"), shortcut], mode="sum", name=f"add_{k}")
        x = Activation("relu", name=f"out_{k}")(total)
    model = Model(given, Dense(2, name="top")(Flatten(name="flat")(x)), name="residual")
    model.compile("sgd", "mse")
    return model
