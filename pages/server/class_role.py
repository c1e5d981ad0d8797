"""Which part a visitor has in a class: pages differ for teacher and pupils."""

import streamlit as st

from core.errors import BluetitError, NotLetInError
from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.records import SpaceKind, SpaceView
from pages.server.invited import INVITATION_BOARD
from pages.server.services import space_of_visitor, whole_services
from pages.server.visitor import visitor_key


def visitor_space() -> SpaceView | None:
    """The space of the visitor of the page that is being made; None where there are no classes, or they are not in."""
    try:
        if whole_services().settings.access != "class":
            return None
        return space_of_visitor(visitor_key())
    except BluetitError:
        return None  # the page itself says why


def is_teacher(space: SpaceView | None) -> bool:
    """Whether that is a teacher's."""
    return space is not None and space.kind is SpaceKind.TEACHER


def is_at_host() -> bool:
    """Whether the visitor of the page that is being made sits at the computer on which `bluetit class` runs.

    Behind a web server on this computer everybody may seem to be here: then nobody counts as such.
    """
    is_local = st.context.ip_address is None  # Streamlit's way to say so, by who has connected
    return INVITATION_BOARD.current() is not None and is_local


def class_of_teacher(services: Services) -> tuple[SpaceView, ClassroomView]:
    """The teacher's space and the class that is held.

    Raises:
        NotLetInError: whoever asks is no teacher, or holds no class.
    """
    space = None if services.space_id is None else services.spaces.get(services.space_id)
    classroom = services.classroom.current()
    if space is None or space.kind is not SpaceKind.TEACHER or classroom is None or classroom.id != space.classroom_id:
        raise NotLetInError("This page is for the teacher of a class.")
    return space, classroom
