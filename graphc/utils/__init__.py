"""Tools of scripts beside the models: labels, tables, a progress bar."""

from typing import TYPE_CHECKING

from graphc.public.calls import public

if TYPE_CHECKING:  # imported when they are read
    from graphc.utils import data_utils as data_utils
    from graphc.utils import generic_utils as generic_utils
    from graphc.utils import io_utils as io_utils
    from graphc.utils import layer_utils as layer_utils
    from graphc.utils import np_utils as np_utils
    from graphc.utils import test_utils as test_utils
    from graphc.utils import visualize_util as visualize_util

# `keras.utils` had its modules for attributes.
public(__name__)
