"""Names of Keras 1.2.2 that are not here yet, by module. A row goes when its name has come."""

OWED: dict[str, list[str]] = {
    "keras.engine.topology": [
        "Container.losses",
        "Container.save",
        "Layer.add_loss",
        "Layer.add_update",
        "Layer.add_weight",
        "Layer.get_losses_for",
        "Layer.get_updates_for",
        "object_list_uid",
    ],
    "keras.layers.wrappers": ["Bidirectional.losses"],
    "keras.models": [
        "Sequential.get_losses_for",
        "Sequential.get_updates_for",
        "Sequential.losses",
    ],
}
