"""The pages of the app: each reads widgets, makes one call into `core`, and renders."""
