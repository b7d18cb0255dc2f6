"""Callbacks: the code that runs beside training, the record of the epochs, the progress on a
terminal."""

import json
import os
import time
import warnings
from collections import OrderedDict, deque

import numpy as np

from graphc import backend as K
from graphc.callbacks.base import Callback, CallbackList, Logs
from graphc.callbacks.checkpoint import ModelCheckpoint
from graphc.callbacks.csv_logger import CSVLogger
from graphc.callbacks.functions import LambdaCallback
from graphc.callbacks.history import BaseLogger, History
from graphc.callbacks.logs import BatchLogs
from graphc.callbacks.progress import ProgbarLogger, ProgressBar
from graphc.callbacks.remote import RemoteMonitor
from graphc.callbacks.schedule import LearningRateScheduler, ReduceLROnPlateau
from graphc.callbacks.stopping import EarlyStopping, TerminateOnNaN
from graphc.callbacks.tensorboard import TensorBoard
from graphc.public.calls import public

# With the modules that programs have by ``from keras.callbacks import *``.
__all__ = [
    "BaseLogger",
    "BatchLogs",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "K",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "OrderedDict",
    "ProgbarLogger",
    "ProgressBar",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "TensorBoard",
    "TerminateOnNaN",
    "deque",
    "json",
    "np",
    "os",
    "time",
    "warnings",
]

public(__name__)
