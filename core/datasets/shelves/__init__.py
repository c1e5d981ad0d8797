"""The parts of the library: each reads and writes tables of its own."""
