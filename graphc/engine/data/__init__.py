"""The data of training: arrays in memory and in files, generators, targets, weights of samples.

`batches` says what a batch is and in which order samples come; `array_batches` and `generators`
make batches, of arrays in files by `windows`; `input_arrays`, `targets` and `sample_weights`
convert and check what users give; `rank_rows` and `rank_batches` are for the ranks that train
together.
"""
