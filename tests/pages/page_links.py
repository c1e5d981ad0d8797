"""Links to other pages, which a test of Streamlit shows but cannot click."""

from urllib.parse import parse_qsl

from streamlit.testing.v1 import AppTest

_FOLDERS = {"": "classify", "backbones": "networks"}  # by address; the others are called like their addresses


def link_labels(app: AppTest) -> list[str]:
    """What the links of the page say, in its order."""
    return [each.proto.label for each in app.get("page_link")]


def follow_link(app: AppTest, label: str) -> AppTest:
    """Go where a link leads as a browser does: with the parameters of its address, and no others."""
    link = next(each.proto for each in app.get("page_link") if each.proto.label == label)
    app.query_params.clear()
    app.query_params.update(parse_qsl(link.query_string))
    folder = _FOLDERS.get(link.page, link.page)
    app.switch_page(f"pages/{folder}/page.py").run()
    assert not app.exception, app.exception
    return app
