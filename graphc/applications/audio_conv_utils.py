"""Sounds as the network of music takes them, and the names of its tags."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from graphc.backend.settings import check_dim_ordering
from graphc.errors import DataError, MissingPackageError
from graphc.lookup import whole_number
from graphc.paths import GivenPath, checked_path
from graphc.public.calls import public
from graphc.releases import since

TAGS = (
    *("rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s"),
    *("alternative rock", "jazz", "beautiful", "metal", "chillout", "male vocalists"),
    *("classic rock", "soul", "indie rock", "Mellow", "electronica", "80s", "folk", "90s", "chill"),
    *("instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic"),
    *("experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country"),
    *("easy listening", "sexy", "catchy", "funk", "electro", "heavy metal", "Progressive rock"),
    *("60s", "rnb", "indie pop", "sad", "House", "happy"),
)

_RATE = 12_000  # samples a second
_SECONDS = 29.12
_WINDOW, _HOP, _MELS = 512, 256, 96
_LEAST_POWER = 1e-10
_DECIBELS = 80.0  # quieter values are clipped


@since("1.1.1")
def preprocess_input(audio_path: GivenPath, dim_ordering: str = "default") -> np.ndarray:
    """Return the spectrogram of a file of sound: the middle 29.12 seconds, in decibels, of 96
    frequencies on the mel scale and 1,366 times.

    Needs the package librosa, which reads the file and knows the mel scale.

    Args:
        audio_path: the file. A shorter sound has silence after it.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.

    Returns:
        (1, 96, 1366) in the ordering 'th', (96, 1366, 1) in 'tf'.
    """
    ordering = check_dim_ordering(dim_ordering, "preprocess_input")
    librosa = _librosa()
    path = checked_path("preprocess_input: audio_path", audio_path)
    sound, _ = librosa.load(path, sr=_RATE)
    wanted = int(_SECONDS * _RATE)
    first = max(0, (len(sound) - wanted) // 2)
    sound = np.pad(sound, (0, max(0, wanted - len(sound))))[first : first + wanted]
    power = librosa.feature.melspectrogram(
        y=sound, sr=_RATE, hop_length=_HOP, n_fft=_WINDOW, n_mels=_MELS
    )
    decibels = 10.0 * np.log10(np.maximum(_LEAST_POWER, np.square(power)))
    decibels = np.maximum(decibels, decibels.max() - _DECIBELS)
    return np.expand_dims(decibels, 0 if ordering == "th" else 2)


@since("1.1.1")
def decode_predictions(preds: np.ndarray, top_n: int = 5) -> list[list[tuple[str, float]]]:
    """Return, for each row of predictions, the tags with the largest: (tag, prediction), falling.

    DataError for predictions that are not (n, 50).
    """
    rows = np.asarray(preds)
    if rows.ndim != 2 or rows.shape[1] != len(TAGS):
        raise DataError(
            f"decode_predictions: expected predictions of the shape (n, {len(TAGS)}), received "
            f"{rows.shape}"
        )
    count = whole_number("decode_predictions: top_n", top_n, 1)
    return [
        [(TAGS[k], float(row[k])) for k in np.argsort(-row, kind="stable")[:count]] for row in rows
    ]


def _librosa() -> Any:
    try:
        return importlib.import_module("librosa")
    except ImportError as error:
        raise MissingPackageError(
            f"preprocess_input needs the package librosa, which reads sounds: pip install librosa "
            f"({error})"
        ) from error


public(__name__)
