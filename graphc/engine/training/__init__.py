"""Keras' module of this name: models that can be compiled and trained.

`model` has Model, whose methods call what a model has: a `trainer` and a `generator_trainer`, which
run functions in `loops` over batches, `feeds` for its data, a `checkpoint`. `compiled` makes the
functions of training and testing of the `losses`, `predictions` those of predicting.
"""

from graphc.engine.data.batches import batch_shuffle, make_batches, slice_X
from graphc.engine.data.generators import GeneratorEnqueuer, generator_queue
from graphc.engine.data.input_arrays import check_array_lengths, standardize_input_data
from graphc.engine.data.sample_weights import (
    standardize_class_weights,
    standardize_sample_or_class_weights,
    standardize_sample_weights,
    standardize_weights,
)
from graphc.engine.data.targets import check_loss_and_target_compatibility
from graphc.engine.topology.holding import collect_trainable_weights
from graphc.engine.training.losses import collect_metrics, weighted_objective
from graphc.engine.training.model import Model
from graphc.public.calls import public

__all__ = [
    "GeneratorEnqueuer",
    "Model",
    "batch_shuffle",
    "check_array_lengths",
    "check_loss_and_target_compatibility",
    "collect_metrics",
    "collect_trainable_weights",
    "generator_queue",
    "make_batches",
    "slice_X",
    "standardize_class_weights",
    "standardize_input_data",
    "standardize_sample_or_class_weights",
    "standardize_sample_weights",
    "standardize_weights",
    "weighted_objective",
]

public(__name__)
