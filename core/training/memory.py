"""Memory of a worker that lives on after a run."""

import keras


def forget_networks() -> None:
    """Let go of every network that was built: Keras would keep their graphs for as long as the process lives."""
    keras.backend.clear_session(free_memory=True)  # which collects garbage, too
