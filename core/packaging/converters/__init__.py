"""One module for each format of `core.export.formats`: a calibrated model becomes a file that others can open."""
