"""Runs that were begun together: a race of networks, or a sweep over a setting."""

from core.runs.sweep import find_swept
from core.services import Services
from pages.server.run_routes import read_race
from pages.train.race_page import render_race
from pages.train.sweep_page import render_sweep


def render_together(mark: str, services: Services) -> None:
    """The runs with this mark, as what they are."""
    views = read_race(mark, services)
    swept = find_swept([view.config_values for view in views])
    if swept is not None:
        render_sweep(mark, swept, views, services)
    else:
        render_race(mark, views, services)
