"""Mistakes of a user, each of which mypy tells of: an ignore that it does not need is an error.

`make lint` checks it, and nothing runs it.
"""

import graphc
from graphc import backend as K
from graphc.layers import LSTM, Dens, Dense  # type: ignore[attr-defined]
from graphc.layers.core import Dropuot  # type: ignore[attr-defined]
from graphc.models import Sequential
from graphc.optimizers import SGD

misspelt = [Dens, Dropuot]
graphc.layres  # type: ignore[attr-defined]
K.dott  # type: ignore[attr-defined]

# Keywords that a layer does not take: misspelt, and of Keras 2.
Dense(3, input_shpae=(4,))  # type: ignore[call-arg]
Dense(units=3)  # type: ignore[call-arg]
LSTM(8, return_sequence=True)  # type: ignore[call-arg]
SGD(clipnrom=1.0)  # type: ignore[call-arg]

model = Sequential([Dense(3, input_shape=(4,))])
model.compile("sgd", "mse", modus="DebugMode")  # type: ignore[call-arg]
model.fit([], [], epochs=3)  # type: ignore[call-arg]
model.evaluate([], [], shard=2)  # type: ignore[call-arg]

# Values of other types.
Dense("3")  # type: ignore[arg-type]
Dense(3, activation=4)  # type: ignore[arg-type]
Dense(3, input_shape=4)  # type: ignore[arg-type]
Dense(3, name=5)  # type: ignore[arg-type]
LSTM(8, stateful="no")  # type: ignore[arg-type]
SGD(lr="fast")  # type: ignore[arg-type]

# Attributes that there are not, and results used as something else.
Dense(3).kernel  # type: ignore[attr-defined]
Sequential().fiit  # type: ignore[attr-defined]
number: int = K.mean(K.variable([1.0]))  # type: ignore[assignment]
