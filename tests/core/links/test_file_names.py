"""`core.links.file_names`: names of files from links cannot leave a folder or fool the eye."""

import pytest

from core.links.file_names import MAX_NAME_CHARS
from core.links.photo import fetch_photo


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/photo/blue%20tit.jpg?size=2", "blue tit.jpg"),
        ("/photo/blåmes.png", "blåmes.png"),
        ("/photo/", "photo.jpg"),
        ("/photo/..%2F..%2Fetc%2Fpasswd", "passwd.jpg"),
        ("/photo/a%5Cb%5Cc.gif", "c.gif"),
        ("/photo/%2E%2E", "photo.jpg"),
        ("/photo/line%0Abreak%00%E2%80%AEgpj.exe", "linebreakgpj.exe"),
        ("/photo/a%3A%3Cb%3E.jpg", "ab.jpg"),
        ("/photo/" + "x" * 300 + ".jpeg", "x" * 95 + ".jpeg"),
        ("/photo/" + "x" * 300, "x" * 96 + ".jpg"),
        ("/photo/" + "x" * 300 + ".suffix", "x" * 100),
        ("/disposition?attachment;%20filename=%22tit.png%22", "tit.png"),
        ("/disposition?attachment;%20filename=tit.png", "tit.png"),
        ("/disposition?inline;%20filename*=UTF-8''bl%25C3%25A5.png", "blå.png"),
        ("/disposition?inline;%20filename=%22bl%C3%A5.png%22", "blå.png"),
        ("/disposition?attachment;%20filename=%22../../etc/shadow%22", "shadow.png"),
        ("/disposition?attachment;%20filename=%22%22", "disposition.png"),
        ("/disposition?attachment;%20filename*=nonsense''a%25FF", "aÿ.png"),
        ("/disposition?attachment;%20filename*=idna''a%25FF", "disposition.png"),
        ("/disposition?;;;=%22", "disposition.png"),
    ],
)
def test_name(server, settings, path, expected):
    """The name comes from the server's proposal or the address, and cannot leave a folder or fool the eye."""
    name = fetch_photo(server.url(path), settings).name
    assert name == expected
    assert len(name) <= MAX_NAME_CHARS
