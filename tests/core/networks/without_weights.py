"""Networks of which nothing but their layers and shapes is asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras.src.backend.common import global_state


@contextmanager
def without_weights() -> Iterator[None]:
    """Networks that are built within have no weights: to draw them at random takes most of the time of building.

    They can be asked for their layers, names, shapes and numbers of parameters, and can compute nothing.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        # Keras notes whose weights are to be drawn when the next scope ends, whoever opens that.
        global_state.set_global_attribute("uninitialized_variables", [])
