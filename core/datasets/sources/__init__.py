"""Where photos come from besides the browser: links, public collections, samples."""
