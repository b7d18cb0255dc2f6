"""The events written for TensorBoard, read from the files' own format."""

from __future__ import annotations

import io
import logging
import struct
import sys

import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.graph_pb2 import GraphDef

from graphc.callbacks import TensorBoard
from graphc.errors import ArgumentError, MissingPackageError
from tests.callbacks.small_model import X, Y, compiled


def records(folder):
    """The events in the files of a folder. Each record is its length in 8 bytes, 4 bytes of
    checksum, the event, 4 bytes of checksum."""
    for path in folder.iterdir():
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack_from("<Q", content)
            yield Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]


def events(folder):
    """The values in the files of a folder: (tag, step) -> value."""
    found = {}
    for event in records(folder):
        for value in event.summary.value:
            found[value.tag, event.step] = value
    return found


@pytest.mark.parametrize("write", [True, False])
def test_the_graph_of_layers(tmp_path, write):
    model = compiled()
    model.fit(X, Y, nb_epoch=1, verbose=0, callbacks=[TensorBoard(tmp_path, write_graph=write)])
    graphs = [GraphDef.FromString(one.graph_def) for one in records(tmp_path) if one.graph_def]
    found = [[(node.name, node.op, list(node.input)) for node in graph.node] for graph in graphs]
    (layer,) = model.layers
    before = layer.inbound_nodes[0].inbound_layers[0].name
    expected = [(before, "InputLayer", []), (layer.name, "Dense", [before])]
    assert found == ([expected] if write else [])


def test_pictures_of_the_weights(tmp_path):
    model = compiled()
    model.set_weights([np.array([[1.0], [3.0]]), np.array([2.0])])
    model.optimizer.lr.set_value(np.float32(0.0))
    callback = TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    model.fit(X, Y, nb_epoch=1, verbose=0, callbacks=[callback])
    values = [value for event in records(tmp_path) for value in event.summary.value]
    picture, bias = (value.image for value in values if value.HasField("image"))
    assert (picture.height, picture.width) == (1, 2)
    greys = np.asarray(Image.open(io.BytesIO(picture.encoded_image_string)).convert("L"))
    np.testing.assert_array_equal(greys, [[0, 255]])
    assert (bias.height, bias.width) == (1, 1)


def test_the_logs_of_each_epoch(tmp_path):
    history = compiled().fit(
        *(X, Y), nb_epoch=2, verbose=0, callbacks=[TensorBoard(tmp_path)], validation_data=(X, Y)
    )
    found = events(tmp_path)
    assert set(found) == {(name, epoch) for name in history.history for epoch in (0, 1)}
    for name, values in history.history.items():
        for epoch, value in enumerate(values):
            assert found[name, epoch].simple_value == np.float32(value)


def test_histograms_of_the_weights_every_so_many_epochs(tmp_path, caplog):
    model = compiled()
    model.fit(X, Y, nb_epoch=4, verbose=0, callbacks=[TensorBoard(tmp_path, histogram_freq=3)])
    assert caplog.messages == []
    name = model.layers[0].name
    found = {key: value for key, value in events(tmp_path).items() if key[0].startswith(name)}
    assert set(found) == {(f"{name}_{weight}", epoch) for weight in "Wb" for epoch in (0, 3)}
    histogram = found[f"{name}_W", 3].histo
    W = model.get_weights()[0]
    assert histogram.num == W.size
    assert histogram.sum == pytest.approx(float(W.sum()), rel=1e-6)
    assert (histogram.min, histogram.max) == (W.min(), W.max())


def test_weights_that_are_not_finite(tmp_path, caplog):
    model = compiled()
    callback = TensorBoard(tmp_path, histogram_freq=1)
    callback.model = model
    model.set_weights([np.array([[np.nan], [2.0]]), np.array([np.inf])])
    callback.on_train_begin()
    with caplog.at_level(logging.WARNING, "graphc"):
        callback.on_epoch_end(0, {"loss": 1.0})
    callback.on_train_end()
    name = model.layers[0].name
    assert f"1 of 2 values of {name}_W are not finite" in caplog.text
    assert f"1 of 1 values of {name}_b are not finite" in caplog.text
    found = events(tmp_path)
    assert set(found) == {("loss", 0), (f"{name}_W", 0)}
    assert found[f"{name}_W", 0].histo.num == 1


def test_each_training_adds_a_file(tmp_path):
    callback, model = TensorBoard(str(tmp_path / "logs")), compiled()
    model.fit(X, Y, nb_epoch=1, verbose=0, callbacks=[callback])
    model.fit(X, Y, nb_epoch=2, initial_epoch=1, verbose=0, callbacks=[callback])
    assert {step for _, step in events(tmp_path / "logs")} == {0, 1}


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(
        MissingPackageError, match=r"TensorBoard needs tensorboardX, .*'graphc\[tensorboard\]'"
    ):
        TensorBoard()


def test_arguments():
    with pytest.raises(ArgumentError, match="TensorBoard: histogram_freq: expected a whole numb"):
        TensorBoard(histogram_freq=-1)
