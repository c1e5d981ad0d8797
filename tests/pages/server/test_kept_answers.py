"""What a browser has asked is answered, though the page is made anew at that moment."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from pages.server.kept_answers import keep_answers


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> ForwardMsgQueue:
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)  # put back afterwards
    keep_answers()
    keep_answers()
    return ForwardMsgQueue()


def answer() -> ForwardMsg:
    message = ForwardMsg()
    message.file_urls_response.response_id = "request-1"
    return message


def text() -> ForwardMsg:
    message = ForwardMsg()
    message.delta.new_element.markdown.body = "old"
    return message


@pytest.mark.parametrize("fragment_ids", [None, ["part"]])
def test_where_to_put_files_is_told_though_the_page_is_made_anew(
    queue: ForwardMsgQueue, fragment_ids: list[str] | None
) -> None:
    """Once, whether all of the page is made anew or a part of it; what the page showed is thrown away as ever."""
    for message in (answer(), text()):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=fragment_ids)
    kinds = [message.WhichOneof("type") for message in queue.flush()]
    assert kinds.count("file_urls_response") == 1
    assert ("delta" in kinds) is (fragment_ids is not None)


def test_what_has_been_sent_is_not_sent_again(queue: ForwardMsgQueue) -> None:
    """Nothing is left after a flush."""
    queue.enqueue(answer())
    assert len(queue.flush()) == 1
    assert queue.is_empty()
