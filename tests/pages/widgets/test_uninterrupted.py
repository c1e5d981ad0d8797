"""Callbacks that another click would break off, run by Streamlit itself."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from core.errors import DatasetError
from pages.widgets.errors import guarded
from tests.conftest import PROJECT_DIR

NUM_PHOTOS = 440
CALLBACKS = {"on_click", "on_change", "on_select", "on_submit", "on_dismiss"}


def page() -> None:
    """A page with a button whose callback is overtaken while it works."""
    import streamlit as st

    from tests.pages.widgets.test_uninterrupted import press

    st.button("Press", on_click=press(st.session_state["is_guarded"]))
    st.text(f"{st.session_state.get('count', 0)} taken")


def take_all() -> None:
    """Touches the session's state once per photo, as another click comes."""
    context = get_script_run_ctx()
    assert context is not None
    assert context.script_requests is not None
    for number in range(1, NUM_PHOTOS + 1):
        st.session_state["count"] = number
        if number == NUM_PHOTOS // 2:
            context.script_requests.request_rerun(RerunData(page_script_hash=context.page_script_hash))


def fail() -> None:
    """Goes wrong after another click has come."""
    take_all()
    raise DatasetError("There is no room.")


def press(is_guarded: bool) -> Callable[[], None]:
    return guarded(take_all) if is_guarded else take_all


def pressed(*, is_guarded: bool) -> str:
    app = AppTest.from_function(page)
    app.session_state["is_guarded"] = is_guarded
    app.run()
    app.button[0].click().run()
    assert not app.exception
    return str(app.text[0].value)


def test_a_callback_that_is_overtaken_is_done_whole():
    """All photos are taken, though another run waits half-way; the page is then made with them."""
    assert pressed(is_guarded=True) == "440 taken"


def test_streamlit_breaks_off_callbacks():
    """Without the guard half of the photos are lost: should that change, the guard can go."""
    assert pressed(is_guarded=False) == "220 taken"


def test_the_next_click_is_obeyed_afterwards():
    """The run that waited takes over as soon as the callback is done, and tells what went wrong in it."""

    def script() -> None:
        import streamlit as st

        from pages.widgets.errors import showing_errors
        from tests.pages.widgets.test_uninterrupted import fail, guarded

        with showing_errors():
            if "count" not in st.session_state:
                guarded(fail)()
                st.text("too late")

    app = AppTest.from_function(script).run()
    assert not app.exception
    assert [error.value for error in app.error] == ["There is no room."]
    assert len(app.text) == 0


@pytest.mark.parametrize("path", sorted((PROJECT_DIR / "pages").rglob("*.py")), ids=lambda path: path.stem)
def test_every_callback_of_the_app_is_guarded(path: Path):
    """Each callback of a widget is `guarded(...)`, or none at all."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unguarded = [
        f"{keyword.arg} in line {keyword.value.lineno}"
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg in CALLBACKS and not _is_guarded(keyword.value)
    ]
    assert unguarded == []


def _is_guarded(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "guarded"
    return isinstance(value, ast.Constant)
