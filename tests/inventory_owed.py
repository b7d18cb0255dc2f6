"""Names of Keras 1.2.2 that are not here yet, by module. A row goes when its name has come."""

OWED: dict[str, list[str]] = {}
