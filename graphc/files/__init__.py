"""What models are stored as: text of architectures, HDF5 of weights. Nothing here knows layers."""
