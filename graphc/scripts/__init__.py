"""Programs written for Keras, run unedited: what ``graphc run`` and `graphc.as_keras` consist of.

`keras_names` makes ``import keras`` mean graphc, `stand_ins` lets an unused ``import theano`` or
``import tensorflow`` pass, `python2` recognises programs for Python 2, `running` runs a script as
``python script.py`` does, and `spawning` lets the processes that it starts do the same.
"""
