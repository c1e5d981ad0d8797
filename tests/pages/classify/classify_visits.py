"""Dropping photos into the classify page, and waiting for their answers."""

from streamlit.testing.v1 import AppTest

from tests.waiting import wait_until


def upload(app: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    """Drop files in, and run until they are answered."""
    app.file_uploader[0].set_value(list(files)).run()
    return settle(app)


def settle(app: AppTest) -> AppTest:
    """The timer of the page does not tick in a test: look again until nothing waits."""

    def is_settled() -> bool:
        app.run()
        assert not app.exception, app.exception
        return not any("waiting" in heading.value for heading in app.subheader)

    wait_until(is_settled)
    return app
