"""A run as a Keras program of its own, for people who begin to program."""

from core.keras_script.script import write_script

__all__ = ["write_script"]
