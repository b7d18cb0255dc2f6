"""Ranks, as threads, share the update of a training step: the bits of one rank, and of the
optimizer's state a part on each."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.function import function, sharded_function
from graphc.compiler.function.sharded import ShardedFunction
from graphc.config import config
from graphc.engine.ranks.broadcasting import broadcast_variables
from graphc.errors import RankError
from graphc.layers import (
    LSTM,
    BatchNormalization,
    Convolution2D,
    Dense,
    Embedding,
    Flatten,
)
from graphc.models import Sequential
from graphc.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, Nadam, Optimizer, RMSprop
from graphc.parallel.meeting import meet
from graphc.parallel.slices import Parameter, bytes_sent, count_elements, slices
from graphc.parallel.transport import OneRank
from tests.parallel.threads import ThreadRank, run_ranks

SHARDS = 4
BATCHES = [12, 12, 7]  # the last one has 2, 2, 2 and 1 rows
RNG = np.random.RandomState(3)


@pytest.fixture(autouse=True)
def interpreted():
    with config.changed(cpu="numpy", floatX="float32"):
        yield


def dense(optimizer: Optimizer, **first: object) -> Sequential:
    """6,000 elements of W: two blocks, of which two ranks have one each."""
    layers = [Dense(100, input_dim=60, activation="tanh", **first), Dense(3)]
    return compiled(layers, optimizer)


def words(optimizer: Optimizer) -> Sequential:
    embedding = Embedding(1200, 4, mask_zero=True, input_length=5)
    return compiled([embedding, LSTM(3, U_regularizer="l2"), Dense(3)], optimizer)


def images(optimizer: Optimizer) -> Sequential:
    """Gradients of a convolution are transposed and flipped behind their sum."""
    convolution = Convolution2D(40, 11, 11, input_shape=(1, 12, 12), dim_ordering="th")
    layers = [convolution, BatchNormalization(mode=0, axis=1), Flatten(), Dense(3)]
    return compiled(layers, optimizer)


def compiled(layers: list, optimizer: Optimizer) -> Sequential:
    model = Sequential(layers)
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def step_of(model: Sequential, ranks: object) -> ShardedFunction:
    made = model._graphc_trainer.compiled
    return sharded_function(
        made.inputs,
        made.outputs,
        made.updates,
        [(g.learning_phase(), True)],
        on_unused_input="ignore",
        shards=SHARDS,
        ranks=ranks,
        spread=made.optimizer_state,
    )


def batches(model: Sequential) -> list[list[np.ndarray]]:
    found, draw = [], np.random.RandomState(5)
    for rows in BATCHES:
        shape = (rows, *model.input_shape[1:])
        is_words = model.inputs[0].dtype == "int32"
        x = draw.randint(0, 1200, shape).astype("int32") if is_words else draw.normal(size=shape)
        arrays = [x, draw.normal(size=(rows, 3)), draw.randint(0, 3, rows)]
        found.append(
            [arrays[0].astype(model.inputs[0].dtype)]
            + [one.astype("float32") for one in arrays[1:]]
        )
    return found


def trained(model: Sequential, ranks: object) -> list[bytes]:
    """Losses, weights and the whole state of the optimizer, behind some steps."""
    step, found = step_of(model, ranks), []
    for arrays in batches(model):
        found += step(*arrays)
    found += model.get_weights()
    found += [variable.get_value() for variable, _ in model._graphc_trainer.compiled.updates]
    return [np.asarray(one).tobytes() for one in found]


def models(make, count: int) -> list[Sequential]:
    found = []
    for _ in range(count):
        np.random.seed(7)
        found.append(make())
    return found


STEPS = {
    "sgd": lambda: dense(SGD(0.1)),
    "momentum": lambda: dense(SGD(0.1, momentum=0.9, decay=0.1)),
    "nesterov": lambda: dense(SGD(0.1, momentum=0.9, nesterov=True)),
    "rmsprop": lambda: dense(RMSprop()),
    "adagrad": lambda: dense(Adagrad()),
    "adadelta": lambda: dense(Adadelta()),
    "adam": lambda: dense(Adam()),
    "adamax": lambda: dense(Adamax()),
    "nadam": lambda: dense(Nadam()),
    "clipnorm": lambda: dense(Adam(clipnorm=0.01)),
    "clipvalue": lambda: dense(Adam(clipvalue=0.01)),
    "penalties": lambda: dense(Adam(clipnorm=0.5), W_regularizer="l1l2"),
    "maxnorm": lambda: dense(SGD(0.1, momentum=0.9, clipnorm=0.1), W_constraint="maxnorm"),
    "unitnorm": lambda: dense(Adam(), W_constraint="unitnorm"),
    "nonneg": lambda: dense(Adam(), W_constraint="nonneg"),
    "words": lambda: words(RMSprop(clipnorm=0.1)),
    "images": lambda: images(Adam(clipnorm=0.1)),
}


MANY = ("clipnorm", "maxnorm", "images")
"""Steps that are tested on every number of ranks: an update that is cut into blocks, a whole one, a
sum that is moved."""


@pytest.mark.parametrize("name", STEPS)
def test_the_bits_are_those_of_one_rank(name: str) -> None:
    counts = (2, 3, 4) if name in MANY else (3,)
    alone, *others = models(STEPS[name], 1 + sum(counts))
    expected = trained(alone, OneRank())
    for ranks in counts:
        own = [others.pop() for _ in range(ranks)]
        found = run_ranks(ranks, lambda rank, own=own: trained(own[rank.rank], rank))
        assert found == [expected] * ranks


def own_elements(model: Sequential) -> int:
    """Return the number of elements of the optimizer's state in this rank's memory."""
    kept = [g.state_of(one).value for one in model._graphc_trainer.compiled.optimizer_state]
    assert not any(isinstance(one, np.ndarray) for one in kept)
    return sum(int(np.prod(one.variable.shape)) for one in kept if one.variable is not None)


@pytest.mark.parametrize("ranks", [2, 3])
def test_each_rank_has_its_part_of_the_state(ranks: int) -> None:
    """Adam has two numbers for each of the 6,403 parameters: W, which has two blocks, of 4,096 and
    of 1,904, and the small ones, each in the rank of whose even share its middle is."""

    def program(rank: ThreadRank) -> int:
        model = own[rank.rank]
        step_of(model, rank)(*batches(model)[0])
        broadcast_variables(
            rank, model._graphc_trainer.compiled.optimizer_state, "fit"
        )  # as the next fit does
        return own_elements(model)

    own = models(STEPS["adam"], ranks)
    found = run_ranks(ranks, program)
    assert sum(found) == 2 * own[0].count_params() == 2 * 6403
    assert found == {2: [2 * 4096, 2 * 2307], 3: [2 * 4096, 0, 2 * 2307]}[ranks]


class Counted(ThreadRank):
    """A rank that counts the bytes that it sends to others, by call."""

    def __init__(self, rank: ThreadRank) -> None:
        vars(self).update(vars(rank))
        self.sent: list[tuple[str, int]] = []

    def all_to_all(self, sent, sent_sizes, received, received_sizes):
        self.sent.append(("to", sum(sent_sizes) - sent_sizes[self.rank]))
        return super().all_to_all(sent, sent_sizes, received, received_sizes)

    def all_gather(self, whole, sizes):
        self.sent.append(("gather", sizes[self.rank] * (self.size - 1)))
        return super().all_gather(whole, sizes)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_a_step_sends_the_bytes_of_the_formula(ranks: int) -> None:
    """Beside the word of the meeting: two scalars, which all need, and slices of gradients; then
    slices of the new values. Each rank takes the counts of the first pass of the batch, which all
    have whole. On three ranks the last one has two shards, which are one node of the tree, and the
    others one."""

    def program(rank: ThreadRank) -> list[tuple[str, int]]:
        counted = Counted(rank)
        step, arrays = step_of(own[rank.rank], counted), batches(own[rank.rank])[0]
        step(*arrays)
        counted.sent.clear()
        step(*arrays)
        return counted.sent

    own = models(STEPS["adam"], ranks)
    sizes = [
        count_elements(one)
        for one in slices([Parameter(6000), *map(Parameter, (100, 300, 3))], ranks)
    ]
    for rank, sent in enumerate(run_ranks(ranks, program)):
        partials, new = bytes_sent(sizes, SHARDS, SHARDS, rank, everywhere=2)
        assert [kind for kind, _ in sent] == ["gather", "to", "gather"]
        assert [count for _, count in sent] == [8 * (ranks - 1), partials, new]


def test_one_rank_reads_while_others_go_on() -> None:
    """As rank 0 does that writes a checkpoint; what all read then is the same."""

    def program(rank: ThreadRank, model: Sequential) -> tuple[list, list[bytes]]:
        step, seen = step_of(model, rank), []
        for number, arrays in enumerate(batches(model)):
            step(*arrays)
            if rank.rank == number % rank.size:
                seen += model._graphc_trainer.compiled.optimizer.get_state()
        meet(rank, "the end")  # as at the end of fit
        return [one.tobytes() for one in seen], state_bytes(model)

    alone, *own = models(STEPS["adam"], 3)
    ((first, second, third), _), last = seen_alone(alone), state_bytes(alone)
    found = run_ranks(2, lambda rank: program(rank, own[rank.rank]))
    assert found == [([*first, *third], last), (second, last)]


def seen_alone(model: Sequential) -> tuple[list[list[bytes]], None]:
    step, seen = step_of(model, OneRank()), []
    for arrays in batches(model):
        step(*arrays)
        seen.append([one.tobytes() for one in model._graphc_trainer.compiled.optimizer.get_state()])
    return seen, None


def state_bytes(model: Sequential) -> list[bytes]:
    return [one.get_value().tobytes() for one in model._graphc_trainer.compiled.optimizer_state]


def test_what_is_set_is_what_is_updated() -> None:
    """And a function that reads the state has all of it."""

    def program(rank: object, model: Sequential) -> list[bytes]:
        step, arrays = step_of(model, rank), batches(model)[0]
        step(*arrays)
        for number, variable in enumerate(model._graphc_trainer.compiled.optimizer_state):
            K.set_value(variable, np.full(variable.shape, 0.01 * number))
        step(*arrays)
        read = g.shared(0.0)
        total = sum(g.sum(one) for one in model._graphc_trainer.compiled.optimizer_state)
        found = function([], total, [(read, total)])()
        step(*arrays)
        return [np.asarray(found).tobytes(), *state_bytes(model), *hashed(model)]

    def hashed(model: Sequential) -> list[bytes]:
        return [one.tobytes() for one in model.get_weights()]

    alone, *own = models(STEPS["nadam"], 4)
    expected = program(OneRank(), alone)
    assert run_ranks(3, lambda rank: program(rank, own[rank.rank])) == [expected] * 3


def test_ranks_that_call_different_steps_are_reported() -> None:
    def program(rank: ThreadRank) -> str:
        x = g.input((g.BATCH,), name="x")
        made = [
            sharded_function([x], g.sum(x), name=name, shards=2, ranks=rank)
            for name in ("m.train", "m.test")
        ]
        with pytest.raises(RankError) as raised:
            made[rank.rank](np.ones(4, "float32"))
        return str(raised.value)

    for message in run_ranks(2, program):
        assert "received rank 0: m.train; rank 1: m.test" in message


def test_a_step_that_ended_halfway_is_reported() -> None:
    """The state is that of the next step, and the weights are not."""

    def program(rank: ThreadRank) -> str:
        model = own[rank.rank]
        failing = Failing(rank)
        step, arrays = step_of(model, failing), batches(model)[0]
        step(*arrays)
        before = [one.tobytes() for one in model.get_weights()]
        failing.fails_at = len(failing.sent) * 2
        with pytest.raises(KeyboardInterrupt):
            step(*arrays)
        failing.fails_at = -1
        assert [one.tobytes() for one in model.get_weights()] == before
        with pytest.raises(RankError, match="ended halfway"):
            model._graphc_trainer.compiled.optimizer.get_weights()
        with pytest.raises(RankError, match="ended halfway"):
            step(*arrays)
        return "refused"

    own = models(STEPS["adam"], 2)
    assert run_ranks(2, program) == ["refused"] * 2


class Failing(Counted):
    """A rank that is interrupted in the last transfer of a step."""

    fails_at = -1

    def all_gather(self, whole, sizes):
        if len(self.sent) + 1 == self.fails_at:
            raise KeyboardInterrupt
        return super().all_gather(whole, sizes)


class Mixing(SGD):
    """Each step is as long as the norms of all columns of gradients say: no rank has these."""

    def get_gradients(self, loss, params):
        found = super().get_gradients(loss, params)
        longest = [K.max(K.sqrt(K.sum(K.square(one), axis=-1))) for one in found]
        return [one / (1.0 + sum(longest)) for one in found]


def test_an_update_that_mixes_all_parameters_is_computed_by_every_rank(
    caplog: pytest.LogCaptureFixture,
) -> None:
    alone, *own = models(lambda: dense(Mixing(0.1, momentum=0.9)), 4)
    expected = trained(alone, OneRank())
    found = run_ranks(3, lambda rank: trained(own[rank.rank], rank))
    assert found == [expected] * 3
    lines = [one.getMessage() for one in caplog.records if "every rank keeps" in one.getMessage()]
    assert len(lines) == 4
    assert "dense" in lines[0]
    assert "mixes its elements" in lines[0]
