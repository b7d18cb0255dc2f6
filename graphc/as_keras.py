"""Make ``import keras`` mean graphc in this process.

``import graphc.as_keras``, before the first import of keras, lets a program written for Keras 1 run
as it is: ``keras.layers`` is the module `graphc.layers` itself, and so on. ``python -m graphc run
script.py`` does the same without an edit.
"""

from graphc.scripts.keras_names import install

install()
