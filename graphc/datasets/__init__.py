"""Data sets for trying a model out: ``from graphc.datasets import digits``."""

from typing import TYPE_CHECKING

from graphc.public.calls import public

if TYPE_CHECKING:  # imported when they are read
    from graphc.datasets import cifar as cifar
    from graphc.datasets import cifar10 as cifar10
    from graphc.datasets import cifar100 as cifar100
    from graphc.datasets import data_utils as data_utils
    from graphc.datasets import digits as digits
    from graphc.datasets import imdb as imdb
    from graphc.datasets import mnist as mnist
    from graphc.datasets import reuters as reuters

public(__name__)
