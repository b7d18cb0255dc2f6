"""The network of K. Choi, G. Fazekas, M. Sandler and K. Cho, "Convolutional Recurrent Neural
Networks for Music Classification", ICASSP 2017."""

from __future__ import annotations

from graphc.applications.audio_conv_utils import decode_predictions as decode_predictions
from graphc.applications.audio_conv_utils import preprocess_input as preprocess_input
from graphc.applications.building import (
    RELEASES,
    channel_axis,
    layers_of_1_2,
    made_model,
    weigh,
)
from graphc.compiler.graph import Node
from graphc.errors import ArgumentError
from graphc.layers import (
    ELU,
    GRU,
    BatchNormalization,
    Convolution2D,
    Dense,
    Input,
    MaxPooling2D,
    Permute,
    Reshape,
    ZeroPadding2D,
)
from graphc.lookup import whole_number
from graphc.models import Model
from graphc.paths import GivenPath
from graphc.public.calls import public
from graphc.releases import since

_FILE = "music_tagger_crnn_weights_tf_kernels_{}_dim_ordering.h5"  # by the ordering of images
TH_WEIGHTS_PATH, TF_WEIGHTS_PATH = (
    f"{RELEASES}/v0.3/{_FILE.format(ordering)}" for ordering in ("th", "tf")
)

_MELS, _FRAMES = 96, 1366
_BLOCKS = ((64, 2), (128, 3), (128, 4), (128, 4))  # filters, pool
_TAGS = 50


@since("1.1.1")
def MusicTaggerCRNN(
    weights: GivenPath | None = "msd",
    input_tensor: Node | None = None,
    include_top: bool = True,
    classes: int = 50,
) -> Model:
    """Return the network that gives a spectrogram the probabilities of tags.

    Args:
        weights: 'msd' for those that Keras had, trained on the Million Song Dataset, in its file in
            ~/.graphc/models or ~/.keras/models, which else is fetched; None for new ones; or the
            path of a file.
        input_tensor: spectrograms that the model reads, of 96 frequencies and 1,366 times.
        include_top: the dense layer too; without it the 32 outputs of the last GRU.
        classes: of the dense layer, without weights.

    Raises:
        ArgumentError: classes that the weights do not have.
        DownloadError: the file of weights could not be fetched; the message says where to put it.
    """
    count = whole_number("MusicTaggerCRNN: classes", classes, 1)
    if weights == "msd" and include_top and count != _TAGS:
        raise ArgumentError(
            f"MusicTaggerCRNN: classes: the weights 'msd' have {_TAGS} tags, received {count}; "
            "weights=None, or include_top=False and a layer of your own after it, has others"
        )
    with layers_of_1_2() as ordering:
        shape = (1, _MELS, _FRAMES) if ordering == "th" else (_MELS, _FRAMES, 1)
        sounds = Input(shape=shape) if input_tensor is None else input_tensor
        x = ZeroPadding2D(padding=(0, 37), dim_ordering=ordering)(sounds)
        x = BatchNormalization(axis=3 if ordering == "th" else 2, name="bn_0_freq")(x)
        for k, (filters, pool) in enumerate(_BLOCKS, start=1):
            x = Convolution2D(
                filters, 3, 3, border_mode="same", dim_ordering=ordering, name=f"conv{k}"
            )(x)
            x = BatchNormalization(axis=channel_axis(ordering), name=f"bn{k}")(x)
            size = (pool, pool)
            x = MaxPooling2D(size, strides=size, dim_ordering=ordering, name=f"pool{k}")(ELU()(x))
        if ordering == "th":
            x = Permute((3, 1, 2))(x)
        x = Reshape((15, 128))(x)
        x = GRU(32, return_sequences=True, name="gru1")(x)
        x = GRU(32, return_sequences=False, name="gru2")(x)
        if include_top:
            x = Dense(count, activation="sigmoid", name="output")(x)
        model = made_model(sounds, x, "music_tagger_crnn")

    def stored() -> tuple[str, str]:
        return _FILE.format(ordering), TH_WEIGHTS_PATH if ordering == "th" else TF_WEIGHTS_PATH

    weigh(model, weights, "msd", stored, by_name=True)
    return model


public(__name__)
