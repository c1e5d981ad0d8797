"""What a pupil is told on every page: that the teacher looks at their results, that what they have goes soon."""

from core.spaces.records import SpaceKind, SpaceView
from pages.server.class_roll import roll_with
from pages.server.class_routes import notice_url, tell_notice_now
from pages.server.services import get_services
from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.words.telling import with_tag

_notice = load_component("class_notice")


def show_class_notice(space: SpaceView | None) -> None:
    """Show it where the visitor is a pupil, kept up to date by the browser; and give what is for all who come.

    Args:
        space: of the visitor, where there is a class.

    Raises:
        NotLetInError: the pupil is not in the class any more.
    """
    if space is None or space.kind is not SpaceKind.PUPIL or space.classroom_id is None:
        return
    services = get_services()
    if space.id in roll_with(lambda each: space.id in each.spaces).are_missing_something:
        services.hand_outs.catch_up(space.id, space.classroom_id)
    told = with_tag(tell_notice_now(services))
    data = watched_data(told, "is_looked_at", "warning", url=notice_url())
    show_component(_notice, key="class.notice", data=data)
