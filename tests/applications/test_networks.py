"""Networks that are built by name: their sizes, what they read, and their weights."""

from __future__ import annotations

import math

import h5py
import numpy as np
import pytest

from graphc import applications
from graphc import backend as K
from graphc.applications import building, inception_v3, resnet50, vgg16, vgg19, xception
from graphc.applications.inception_v3 import conv2d_bn
from graphc.applications.music_tagger_crnn import MusicTaggerCRNN
from graphc.applications.resnet50 import conv_block, identity_block
from graphc.config import config
from graphc.engine import Input
from graphc.errors import ArgumentError, ShapeError
from graphc.initializations import to_be_set
from graphc.layers import BatchNormalization, Convolution2D
from graphc.models import Model, Sequential

pytestmark = pytest.mark.flags(image_dim_ordering="th")


def conv(rows, columns, channels, filters):
    """The numbers of a convolution with bias, and of its BatchNormalization."""
    return rows * columns * channels * filters + filters + 4 * filters


def gru(inputs, units):
    return 3 * (inputs * units + units * units + units)


MUSIC = (
    4 * 1440 + conv(3, 3, 1, 64) + conv(3, 3, 64, 128) + 2 * conv(3, 3, 128, 128)
    + gru(128, 32) + gru(32, 32) + 32 * 50 + 50
)  # fmt: skip


def numbers_of_inception_v3():
    """The numbers of its layers, block by block, with the rows and columns of each convolution."""
    stem = [(3, 3, 3, 32), (3, 3, 32, 32), (3, 3, 32, 64), (1, 1, 64, 80), (3, 3, 80, 192)]
    small = [
        sizes
        for n in (192, 256, 256)
        for sizes in [
            *[(1, 1, n, 64), (1, 1, n, 48), (5, 5, 48, 64), (1, 1, n, 32)],
            *[(1, 1, n, 64), (3, 3, 64, 96), (3, 3, 96, 96)],
        ]
    ]
    mixed3 = [(3, 3, 256, 384), (1, 1, 256, 64), (3, 3, 64, 96), (3, 3, 96, 96)]
    long = [
        sizes
        for n, w, first in ((736, 128, 128), (768, 160, 160), (768, 160, 160), (768, 192, 160))
        for sizes in [
            *[(1, 1, n, 192), (1, 1, n, w), (1, 7, w, w), (7, 1, w, 192), (1, 1, n, 192)],
            *[(1, 1, n, first), (7, 1, first, w), (1, 7, w, w), (7, 1, w, w), (1, 7, w, 192)],
        ]
    ]
    mixed8 = [
        *[(1, 1, 768, 192), (3, 3, 192, 320), (1, 1, 768, 192)],
        *[(1, 7, 192, 192), (7, 1, 192, 192), (3, 3, 192, 192)],
    ]
    wide = [
        sizes
        for n in (1280, 2048)
        for sizes in [
            *[(1, 1, n, 320), (1, 1, n, 384), (1, 3, 384, 384), (3, 1, 384, 384), (1, 1, n, 192)],
            *[(1, 1, n, 448), (3, 3, 448, 384), (1, 3, 384, 384), (3, 1, 384, 384)],
        ]
    ]
    convolutions = [*stem, *small, *mixed3, *long, *mixed8, *wide]
    assert len(convolutions) == 94
    return sum(conv(*sizes) for sizes in convolutions) + 2048 * 1000 + 1000


@pytest.mark.parametrize(
    ("make", "count", "inside"),
    [
        # The counts of the first three are in many papers and pages.
        (applications.VGG16, 138_357_544, {"block3_conv3": (256, 56, 56), "fc2": (4096,)}),
        (applications.ResNet50, 25_636_712, {"bn4f_branch2c": (1024, 14, 14),
                                             "avg_pool": (2048, 1, 1)}),
        (applications.Xception, 22_910_480, {"block13_pool": (1024, 10, 10), "avg_pool": (2048,)}),
        (applications.InceptionV3, numbers_of_inception_v3(), {
            "mixed2": (256, 35, 35), "mixed3": (736, 17, 17), "mixed7": (768, 17, 17),
            "mixed8": (1280, 8, 8), "mixed10": (2048, 8, 8), "avg_pool": (2048, 1, 1)}),
        (MusicTaggerCRNN, MUSIC, {"pool2": (128, 16, 240), "gru1": (15, 32)}),
    ],
)  # fmt: skip
def test_sizes(make, count, inside):
    with to_be_set():
        model = make(weights=None)
    assert model.output_shape == (None, 50 if make is MusicTaggerCRNN else 1000)
    for name, shape in inside.items():
        assert model.get_layer(name).output_shape[1:] == shape
    assert sum(math.prod(weight.shape) for weight in model.weights) == count


def test_without_the_top_in_the_other_ordering_and_for_other_classes():
    with config.changed(image_dim_ordering="tf"), to_be_set():
        open_sizes = applications.VGG16(include_top=False, weights=None)
        given = applications.VGG19(include_top=False, weights=None, input_shape=(64, 48, 3))
    assert open_sizes.input_shape == (None, None, None, 3)
    assert open_sizes.output_shape == (None, None, None, 512)
    assert given.output_shape == (None, 2, 1, 512)
    names = [layer.name for layer in given.layers if "conv" in layer.name]
    assert len(names) == 16
    assert names[-1] == "block5_conv4"
    assert given.name == "vgg19"
    with to_be_set():
        few = applications.VGG16(weights=None, classes=7)
    assert few.output_shape == (None, 7)


def test_on_tensors_of_the_users_own():
    x = Input((3, 64, 64), name="mine")
    with to_be_set():
        behind = applications.VGG16(False, None, Convolution2D(3, 1, 1, name="first")(x))
    assert behind.input_names == ["mine"]
    assert behind.layers[1].name == "first"
    assert behind.output_shape == (None, 512, 2, 2)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: applications.VGG16(input_shape=(3, 100, 100)), ShapeError,
         r"include_top=True the images are \\(3, 224, 224\\).*received \\(3, 100, 100\\)"),
        (lambda: applications.VGG16(False, None, input_shape=(3, 40, 100)), ShapeError,
         "with at least 48 rows and columns"),
        (lambda: applications.ResNet50(False, None, input_shape=(224, 224, 3)), ShapeError,
         r"expected \\(3, 'rows', 'columns'\\) in the ordering 'th'"),
        (lambda: applications.ResNet50(classes=10), ArgumentError,
         "the weights 'imagenet' have 1000 classes, received 10"),
        (lambda: MusicTaggerCRNN(classes=10), ArgumentError, "'msd' have 50 tags"),
        (lambda: applications.Xception(), ArgumentError, "for images in the ordering 'tf'"),
    ],
)  # fmt: skip
def test_what_does_not_fit(make, error, words):
    with pytest.raises(error, match=words.replace("\\\\", "\\")):
        make()


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (applications.VGG16, "vgg16"),
        (applications.VGG19, "vgg19"),
        (applications.ResNet50, "resnet50"),
        (applications.InceptionV3, "inception_v3"),
        (applications.Xception, "xception"),
    ],
)
def test_an_error_about_classes_names_the_network(network, name):
    with pytest.raises(ArgumentError, match=f"^{name}: classes: the weights 'imagenet' have 1000"):
        network(classes=10)
    with pytest.raises(ArgumentError, match=f"^{name}: classes: expected a whole number.*'many'"):
        network(weights=None, classes="many")


def small():
    model = Sequential([Convolution2D(2, 2, 2, dim_ordering="th", input_shape=(1, 3, 3), name="c")])
    model.add(BatchNormalization(axis=1, name="n"))
    return model


class TestWeights:
    """They come from the file of Keras, or from one that is named."""

    @pytest.mark.parametrize("backend", ["tf", "th"])
    def test_kernels_of_tensorflow_are_flipped(self, tmp_path, backend):
        path = tmp_path / f"small_weights_th_dim_ordering_{backend}_kernels.h5"
        with building.layers_of_1_2():
            stored, loaded = small(), small()
        stored.save_weights(tmp_path / "w.h5")
        _as_of_keras(tmp_path / "w.h5", path)
        building.weigh(loaded, path, "imagenet", lambda: ("", ""))
        kernel, *others = stored.get_weights()
        expected = kernel[:, :, ::-1, ::-1] if backend == "tf" else kernel
        np.testing.assert_array_equal(loaded.get_weights()[0], expected)
        for mine, theirs in zip(loaded.get_weights()[1:], others, strict=True):
            np.testing.assert_array_equal(mine, theirs)

    def test_the_file_of_keras_is_fetched(self, tmp_path, monkeypatch):
        requests = []

        def get_file(*arguments, **keywords):
            requests.append((*arguments, keywords))
            raise InterruptedError

        monkeypatch.setattr(building, "get_file", get_file)
        with to_be_set(), config.changed(image_dim_ordering="tf"):
            for make in (applications.VGG16, MusicTaggerCRNN):
                with pytest.raises(InterruptedError):
                    make()
            with pytest.raises(InterruptedError):
                applications.VGG19(include_top=False)
        place = "https://github.com/fchollet/deep-learning-models/releases/download"
        top = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
        notop = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
        music = "music_tagger_crnn_weights_tf_kernels_tf_dim_ordering.h5"
        assert requests == [
            (top, f"{place}/v0.1/{top}", {"cache_subdir": "models"}),
            (music, f"{place}/v0.3/{music}", {"cache_subdir": "models"}),
            (notop, f"{place}/v0.1/{notop}", {"cache_subdir": "models"}),
        ]

    def test_a_program_may_set_the_address(self, monkeypatch):
        def get_file(name, address, cache_subdir):
            raise InterruptedError(f"{name} of {address}")

        monkeypatch.setattr(building, "get_file", get_file)
        monkeypatch.setattr(vgg16, "TH_WEIGHTS_PATH_NO_TOP", "https://mirror/file")
        message = "vgg16_weights_th_dim_ordering_th_kernels_notop.h5 of https://mirror/file$"
        with to_be_set(), pytest.raises(InterruptedError, match=message):
            applications.VGG16(include_top=False)

    @pytest.mark.parametrize(
        ("module", "release", "orderings"),
        [
            (vgg16, "v0.1/vgg16", ("TH", "TF")),
            (vgg19, "v0.1/vgg19", ("TH", "TF")),
            (resnet50, "v0.2/resnet50", ("TH", "TF")),
            (inception_v3, "v0.2/inception_v3", ("TH", "TF")),
            (xception, "v0.4/xception", ("TF",)),
        ],
    )
    def test_addresses(self, module, release, orderings):
        place = f"https://github.com/fchollet/deep-learning-models/releases/download/{release}"
        for name in orderings:
            file = f"{place}_weights_{{0}}_dim_ordering_{{0}}_kernels".format(name.lower())
            assert vars(module)[f"{name}_WEIGHTS_PATH"] == f"{file}.h5"
            assert vars(module)[f"{name}_WEIGHTS_PATH_NO_TOP"] == f"{file}_notop.h5"

    def test_what_is_no_file(self):
        with pytest.raises(ArgumentError, match="expected 'imagenet', None, or the path of a file"):
            building.weigh(small(), "imagnet", "imagenet", lambda: ("", ""))


def _as_of_keras(ours, path):
    """The file without what graphc alone writes, which tells that it is of graphc."""
    with h5py.File(ours, "r") as source, h5py.File(path, "w") as target:
        names = list(source.attrs["layer_names"])
        target.attrs["layer_names"] = names
        for name in map(bytes.decode, names):
            group = target.create_group(name)
            group.attrs["weight_names"] = list(source[name].attrs["weight_names"])
            for key in source[name]:
                group[key] = source[name][key][()]


def test_a_convolution_with_relu_then_normalized():
    x = Input((2, 4, 5))
    model = Model(x, conv2d_bn(x, 3, 1, 1, name="n"))
    data = np.random.default_rng(1).normal(size=(2, 2, 4, 5)).astype("float32")
    W, b = model.get_layer("n_conv").get_weights()
    convolved = np.einsum("nchw,fc->nfhw", data, W[:, :, 0, 0]) + b[:, None, None]
    epsilon = model.get_layer("n_bn").epsilon
    expected = np.maximum(convolved, 0) / np.sqrt(1 + epsilon)
    np.testing.assert_allclose(model.predict(data), expected, rtol=1e-3, atol=1e-5)


def test_blocks_of_a_residual_network():
    x = Input((8, 6, 6))
    shrunk = conv_block(x, 3, [4, 4, 8], stage=3, block="a")
    same = identity_block(shrunk, 3, [2, 2, 8], stage=3, block="b")
    assert K.int_shape(shrunk) == K.int_shape(same) == (None, 8, 3, 3)
    names = {layer.name for layer in Model(x, same).layers}
    assert {"res3a_branch1", "bn3a_branch1", "res3a_branch2a", "bn3b_branch2c"} <= names
    assert "res3b_branch1" not in names
