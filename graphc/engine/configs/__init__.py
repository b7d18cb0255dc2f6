"""Layers and models as data: what `get_config`, `to_json` and `to_yaml` give, and layers of it."""
