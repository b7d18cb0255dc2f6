"""Sizes at which a test can afford the reference models: odd ones, and all different."""

from __future__ import annotations

CUT: dict[str, dict[str, float]] = {
    "mlp": {"features": 11, "width": 9, "classes": 4},
    "cnn": {"size": 9, "channels": 2, "filters": 3, "width": 7, "classes": 4},
    "gru_ae": {"steps": 5, "features": 3, "units": 7},
    "lstm": {"steps": 6, "vocabulary": 17, "features": 5, "units": 7},
    "accel": {"steps": 37, "features": 2, "filters": 3, "width": 7, "lr": 0.001},
    "conv3d": {
        "frames": 10,
        "size": 11,
        "channels": 2,
        "filters": 2,
        "width": 7,
        "classes": 4,
        "lr": 0.001,
    },
}
