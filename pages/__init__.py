"""The pages of the app, a folder each; below them the widgets that several use, and what the server does besides."""
