"""The models by which graphc is measured: their training steps, to compile, run and analyse.

    step = REFERENCE_MODELS["lstm"].build()
    train = step.function()
    loss, accuracy = train(*step.data(32))

`mlp` is written with `Sequential`; the others on the graph, with the equations, the initial weights
and the losses of Keras 1.0.
"""

from graphc.reference_models import accel, cnn, conv3d, gru_ae, lstm, mlp
from graphc.reference_models.step import ReferenceModel, TrainingStep

__all__ = ["REFERENCE_MODELS", "ReferenceModel", "TrainingStep"]

REFERENCE_MODELS: dict[str, ReferenceModel] = {
    module.MODEL.name: module.MODEL for module in (mlp, cnn, gru_ae, lstm, accel, conv3d)
}
