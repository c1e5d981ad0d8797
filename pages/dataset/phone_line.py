"""The line that says of each class whether phones may send photos into it now, and how many have come."""

from core.datasets.records import DatasetView
from core.services import Services
from pages.server.phone_watch import phones_url, tell_phones_now
from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.words.telling import with_tag

_line = load_component("phone_line")


def render_phone_line(dataset: DatasetView, services: Services) -> None:
    """The line, which keeps itself up to date."""
    told = with_tag(tell_phones_now(dataset.id, services))
    show_component(
        _line,
        key="dataset.phones.line",
        data=watched_data(told, "links", url=phones_url(dataset.id)),
    )
