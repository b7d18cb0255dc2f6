"""The state of a training run: its variables, and the random draws of its graph."""

from __future__ import annotations

from graphc.compiler import graph as g
from graphc.engine.topology.container import Container
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.draws import draws_in


def variables_of_run(model: Container, compiled: Compiled) -> list[g.Node]:
    """Return all variables of a training run: weights, the optimizer's, and those that layers
    update."""
    optimizers = optimizer_variables(model, compiled)
    return list(dict.fromkeys([*weights_of(model), *optimizers, *kept_variables(model)]))


def weights_of(model: Container) -> list[g.Node]:
    """Return all weights, each once, in the order of files."""
    found = (weight for layer in model.stored_layers() for weight in layer.weights)
    return list(dict.fromkeys(found))


def kept_variables(model: Container) -> list[g.Node]:
    """Return the variables other than weights that layers update."""
    weights = set(weights_of(model))
    return [variable for variable, _ in model.updates if variable not in weights]


def optimizer_variables(model: Container, compiled: Compiled | None) -> list[g.Node]:
    """Return the optimizer's step count, then its other variables, in the order of later releases
    of Keras 1: those in its `weights` come last."""
    if compiled is None:
        return []
    counts = step_counts(compiled)
    if not compiled.has_optimizer_state:
        return counts
    others = {*weights_of(model), *(variable for variable, _ in model.updates)}
    own = [variable for variable, _ in compiled.updates if variable not in others]
    last = list(getattr(compiled.optimizer, "weights", ()))
    first = [variable for variable in own if variable not in set(last)]
    return list(dict.fromkeys([*counts, *first, *last]))


def step_counts(compiled: Compiled) -> list[g.Node]:
    """Return the optimizer's step count, if it has one; some count only if their rate decays."""
    optimizer = compiled.optimizer
    count = getattr(optimizer, "iterations", None)
    if not isinstance(count, g.Node):
        return []
    if not compiled.has_optimizer_state:
        return [count]
    counted = {variable for variable, _ in compiled.updates}
    counted.update(getattr(optimizer, "weights", ()))
    return [count] if count in counted else []


def draws_of_run(model: Container, compiled: Compiled | None) -> list[g.Node]:
    """Return the random draws of a model and its training, in the order of the graph."""
    roots = [*model.outputs, *(value for _, value in model.updates)]
    if compiled is not None:
        roots += compiled.outputs
        if compiled.has_optimizer_state:
            roots += [value for _, value in compiled.updates]
    return draws_in(roots, model.name)
