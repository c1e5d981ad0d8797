"""Class: who is here and what each does now, and what a teacher decides for all."""

from pages.board.class_bar import render_class_bar
from pages.board.look import looked_at, render_look
from pages.board.pupil import open_pupil, render_pupil
from pages.server.class_role import class_of_teacher
from pages.server.class_routes import board_url, tell_class_now
from pages.server.services import get_services
from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.widgets.errors import showing_errors
from pages.widgets.receipts import render_deletions
from pages.words.telling import with_tag

_board = load_component("board")

services = get_services()
teacher, classroom = class_of_teacher(services)
pupil = looked_at(services, classroom)
with showing_errors():
    if pupil is not None:
        render_look(pupil, services)
    else:
        render_class_bar(teacher, classroom, services)
        render_deletions(services)
        told = with_tag(tell_class_now(classroom))
        data = watched_data(told, "heading", "storage", "hint", "spaces", "queue", url=board_url())
        show_component(_board, key="board", data=data, on_event={"open": open_pupil})
        render_pupil(classroom, services)
