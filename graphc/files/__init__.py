"""The file formats of models: text of architectures, HDF5 of weights. Nothing here knows layers."""
