"""A model as a web page of its own: one HTML file that opens without a server and without internet."""
