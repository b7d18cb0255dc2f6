"""Two inputs, two outputs, shared layers, losses by name, weights of classes, a file, and back."""

import os
import tempfile

import numpy as np
from keras.callbacks import ModelCheckpoint
from keras.layers import LSTM, Dense, Embedding, Input, merge
from keras.models import Model, load_model, model_from_json

np.random.seed(21)
n = 900
headlines = np.random.randint(1, 12, (n, 8))
extra = np.random.normal(size=(n, 3))
labels = ((headlines == 3).sum(1) + (extra[:, 0] > 0) > 1).astype("int32")
main_input = Input(shape=(8,), dtype="int32", name="main_input")
x = Embedding(output_dim=12, input_dim=12, input_length=8)(main_input)
lstm_out = LSTM(16)(x)
auxiliary_loss = Dense(1, activation="sigmoid", name="aux_output")(lstm_out)
auxiliary_input = Input(shape=(3,), name="aux_input")
x = merge([lstm_out, auxiliary_input], mode="concat")
x = Dense(24, activation="relu")(x)
x = Dense(24, activation="relu")(x)
main_loss = Dense(1, activation="sigmoid", name="main_output")(x)
model = Model(input=[main_input, auxiliary_input], output=[main_loss, auxiliary_loss])
model.compile(
    optimizer="rmsprop",
    loss={"main_output": "binary_crossentropy", "aux_output": "binary_crossentropy"},
    loss_weights={"main_output": 1.0, "aux_output": 0.2},
    metrics={"main_output": "accuracy"},
)
folder = tempfile.mkdtemp()
best = os.path.join(folder, "best.h5")
model.fit(
    {"main_input": headlines[:700], "aux_input": extra[:700]},
    {"main_output": labels[:700], "aux_output": labels[:700]},
    nb_epoch=40,
    batch_size=32,
    verbose=0,
    class_weight={"main_output": {0: 1.0, 1: 1.5}},
    validation_split=0.1,
    callbacks=[ModelCheckpoint(best, save_best_only=True, save_weights_only=True)],
)
held_out = [headlines[700:], extra[700:]]
scores = dict(zip(model.metrics_names, model.evaluate(held_out, [labels[700:]] * 2, verbose=0)))
print(scores)
name = [key for key in scores if key.endswith("acc")]
assert scores[name[0]] > 0.85
model.load_weights(best)
whole = os.path.join(folder, "whole.h5")
model.save(whole)
rebuilt = model_from_json(model.to_json())
rebuilt.load_weights(best)
for other in (load_model(whole), rebuilt):
    for a, b in zip(other.predict(held_out), model.predict(held_out)):
        assert np.allclose(a, b, atol=1e-6)
