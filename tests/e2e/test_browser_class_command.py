"""`bluetit class`: one command, and thirty browsers find the class by HTTPS."""

import base64
import datetime
import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Browser, Page, expect

from core.environment import to_environment
from core.errors import NotLetInError
from core.hosting.certificate import own_certificate
from core.settings import Settings
from core.spaces.classroom import ClassroomDesk
from core.storage.db import open_database
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.conftest import PROJECT_DIR, link_backbones
from tests.e2e.conftest import CHROMIUM_ARGUMENTS, CHROMIUM_NAMES, DESKTOP
from tests.e2e.photos import as_jpeg, sample
from tests.e2e.running_app import STOP_TIMEOUT_SECONDS, free_port
from tests.e2e.running_class import RunningClass, own_address, running_class
from tests.waiting import wait_until
from tests.worker_processes import is_gone, workers_below

PAGE = {"accept": "text/html"}
ASLEEP_SECONDS = 5.0
_IS_CONNECTED_JS = """() =>
  document.querySelector("[data-test-script-state]")?.dataset.testScriptState === "notRunning"
  && document.querySelector("[data-test-connection-state]")?.dataset.testConnectionState === "CONNECTED"
"""


@pytest.fixture(scope="module")
def class_settings(tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path) -> Settings:
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("class"))
    link_backbones(prepared_cache, settings)
    return settings


@pytest.fixture(scope="module")
def held(class_settings: Settings) -> Iterator[RunningClass]:
    """The class that most tests here share."""
    with running_class(class_settings) as running:
        yield running


@pytest.fixture
def address(held: RunningClass) -> str:
    """What a pupil types."""
    return f"{own_address()}:{held.port}"


@pytest.fixture
def trusting(held: RunningClass) -> httpx.Client:
    """A client for which the certificate is right, and nothing else."""
    return httpx.Client(verify=ssl.create_default_context(cafile=str(held.certificate_path)), timeout=60)


@pytest.fixture(scope="module")
def secret(held: RunningClass) -> str:
    """Of a browser that has signed in as teacher."""
    made = new_secret()
    with closing(open_database(held.settings)) as database:
        desk = ClassroomDesk(database)
        classroom = desk.find_by_code(held.shown("The code of the class"))
        assert classroom is not None
        desk.enter_as_teacher(classroom.id, held.shown("Your password as teacher"), made)
    return made


def test_the_certificate_is_right_for_every_name(held: RunningClass, trusting: httpx.Client, address: str):
    """TLS that checks everything is content at each address of this computer."""
    with trusting:
        for host in (address, f"localhost:{held.port}", f"127.0.0.1:{held.port}"):
            assert trusting.get(f"https://{host}/", headers=PAGE, follow_redirects=True).status_code == 200


def test_a_browser_is_known_by_a_cookie_that_never_leaves_https(trusting: httpx.Client, secret: str, address: str):
    """Whoever listens in the Wi-Fi does not become somebody else, nor does a script in a page."""
    with trusting:
        link = f"https://{address}/"
        answers = [trusting.get(link, headers=PAGE), trusting.get(link, headers={**PAGE, **known_by(secret)})]
    cookies = [each for answer in answers for each in answer.headers.get_list("set-cookie") if COOKIE_NAME in each]
    assert cookies
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))


def known_by(secret: str) -> dict[str, str]:
    """The header with a browser's cookie."""
    return {"cookie": f"{COOKIE_NAME}={secret}"}


def test_http_is_sent_to_https(trusting: httpx.Client, address: str):
    """A pupil types what is shown, without https:// in front."""
    with trusting:
        answer = trusting.get(f"http://{address}/?code=KQXWMB", headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (307, f"https://{address}/?code=KQXWMB")
        assert trusting.get(f"http://{address}/", headers=PAGE, follow_redirects=True).status_code == 200


def look(page: Page, link: str, secret: str) -> None:
    """Open a page of Streamlit as somebody who is let in, and wait until it stands."""
    page.context.add_cookies(
        [{"name": COOKIE_NAME, "value": secret, "url": link.replace("http:", "https:"), "httpOnly": True}]
    )
    page.goto(link)
    page.wait_for_function(_IS_CONNECTED_JS)


def test_a_browser_that_is_told_to_go_on_gets_everything(chromium: Browser, secret: str, address: str):
    """After the warning: the typed address leads to HTTPS, the page's connection works, and so would the camera."""
    context = chromium.new_context(viewport=DESKTOP, ignore_https_errors=True)
    with closing(context):
        page = context.new_page()
        sockets: list[str] = []
        page.on("websocket", lambda each: sockets.append(each.url))
        look(page, f"http://{address}/", secret)
        assert page.url.startswith(f"https://{address}/")
        assert page.evaluate("isSecureContext && typeof navigator.mediaDevices.getUserMedia") == "function"
        assert [each for each in sockets if each.startswith(f"wss://{address}/")]


def test_photos_come_in_by_https(chromium: Browser, secret: str, address: str):
    """What keeps other sites out of uploads lets those of the address in the network in."""
    with closing(chromium.new_context(viewport=DESKTOP, ignore_https_errors=True)) as context:
        page = context.new_page()
        look(page, f"https://{address}/", secret)
        photo = {"name": "tabby.jpg", "mimeType": "image/jpeg", "buffer": as_jpeg(sample("Cat"))}
        page.locator('[data-testid="stFileUploaderDropzoneInput"]').first.set_input_files(photo)
        expect(page.get_by_text("tabby.jpg").first).to_be_visible()


def test_a_browser_warns_first(chromium: Browser, address: str):
    """Without being told it opens nothing: that is what the picture is for."""
    with closing(chromium.new_context()) as context:
        page = context.new_page()
        with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
            page.goto(f"https://{address}/")


def test_a_browser_that_knows_the_certificate_does_not_warn(
    chromium: Browser, held: RunningClass, secret: str, address: str
):
    """Names, dates and usage are right: nothing is amiss but that nobody else vouches for it."""
    certificate = x509.load_pem_x509_certificate(held.certificate_path.read_bytes())
    public_key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    known = base64.b64encode(hashlib.sha256(public_key).digest()).decode()
    browser = chromium.browser_type.launch(
        executable_path=next(path for path in map(shutil.which, CHROMIUM_NAMES) if path),
        args=[*CHROMIUM_ARGUMENTS, f"--ignore-certificate-errors-spki-list={known}"],
    )
    with closing(browser):
        page = browser.new_page()
        look(page, f"https://{address}/", secret)
        assert page.evaluate("isSecureContext")


def test_the_camera_gives_pictures(chromium: Browser, address: str):
    """By HTTPS a browser lets a page have the camera."""
    with closing(chromium.new_context(ignore_https_errors=True, permissions=["camera"])) as context:
        page = context.new_page()
        page.goto(f"https://{address}/")
        label = page.evaluate(
            "navigator.mediaDevices.getUserMedia({video: true}).then(stream => stream.getVideoTracks()[0].readyState)"
        )
        assert label == "live"


def test_the_teacher_sees_no_warning_on_this_computer(chromium: Browser, held: RunningClass):
    """Plain HTTP that never leaves the computer is as good, and the page for the projector has what pupils need."""
    with closing(chromium.new_context(viewport=DESKTOP)) as context:
        page = context.new_page()
        page.goto(held.shown("The page for the projector"))
        assert page.url.startswith(held.near_url)
        assert page.evaluate("isSecureContext")
        expect(page.get_by_text(held.shown("The code of the class"), exact=True)).to_be_visible()
        expect(page.get_by_text(held.shown("The class is open"), exact=True)).to_be_visible()
        assert page.locator(".bluetit-qr img").evaluate("image => image.naturalWidth") > 0
        picture = page.get_by_role("img", name=re.compile("Chrome"))
        assert picture.evaluate("each => each.naturalWidth") > 0
        assert held.shown("Your password as teacher") not in page.content()
        with page.expect_response(lambda answer: answer.request.is_navigation_request()) as asked:
            page.get_by_role("link", name="go to Bluetit").click()
        assert asked.value.url == f"{held.near_url}/"
        assert asked.value.status < 400


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_for_the_projector_fits(chromium: Browser, held: RunningClass, width: int):
    """Nothing of the address or the code is cut off; the pictures may be moved sideways on a phone."""
    with closing(chromium.new_context(viewport={"width": width, "height": 800})) as context:
        page = context.new_page()
        page.goto(held.shown("The page for the projector"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_for_the_projector_is_for_the_teacher(
    trusting: httpx.Client, held: RunningClass, secret: str, address: str
):
    """Nobody else gets the code from it; whoever signed in as teacher does, on whatever device."""
    link = f"https://{address}/bluetit/class-start"
    with trusting:
        assert trusting.get(link).status_code == 403
        assert trusting.get(link, headers=known_by(new_secret())).status_code == 403
        answer = trusting.get(link, headers=known_by(secret))
        assert answer.status_code == 200
        assert held.shown("The code of the class") in answer.text


@pytest.mark.skipif(os.name == "nt", reason="Windows puts no single process to sleep")
def test_a_laptop_that_slept_goes_on(chromium: Browser, held: RunningClass, secret: str, address: str):
    """Lid closed and opened: pages that were open go on by themselves, and new ones open."""
    with closing(chromium.new_context(viewport=DESKTOP, ignore_https_errors=True)) as context:
        page = context.new_page()
        look(page, f"https://{address}/", secret)
        asleep = [psutil.Process(held.process.pid), *workers_below(psutil.Process(held.process.pid))]
        for each in asleep:
            each.send_signal(signal.SIGSTOP)
        time.sleep(ASLEEP_SECONDS)
        for each in asleep:
            each.send_signal(signal.SIGCONT)
        page.wait_for_function(_IS_CONNECTED_JS)
        look(context.new_page(), f"https://{address}/", secret)


def test_only_one_class_is_held_from_a_workspace(held: RunningClass):
    """Another start ends in a sentence and leaves password and code as they are."""
    second = subprocess.run(
        [sys.executable, "-m", "pages.command", "class", "--no-browser"],
        cwd=PROJECT_DIR,
        env={**os.environ, **to_environment(held.settings)},
        capture_output=True,
        text=True,
        timeout=STOP_TIMEOUT_SECONDS,
        check=False,
    )
    assert second.returncode == 1
    assert f"is held already, by the process {held.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_port_in_use_is_said(class_settings: Settings, tmp_path: Path):
    """The one that was asked for, or none."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = replace(class_settings, workspace_dir=tmp_path)
        with pytest.raises(AssertionError, match=f"Port {port} is in use"), running_class(settings, port=port):
            pass
    assert not (tmp_path / "class-held.json").exists()


def test_a_class_that_cannot_begin_ends_in_a_sentence(tmp_path: Path):
    """Nothing listens afterwards, and the next start is not held up."""
    settings = Settings(workspace_dir=tmp_path, default_backbone="Nope")
    port = free_port()
    with pytest.raises(AssertionError, match="Nope") as refused, running_class(settings, port=port):
        pass
    assert "ended with code 1" in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert not (tmp_path / "class-held.json").exists()
    with socket.create_server(("0.0.0.0", port)):
        pass


def test_a_second_lesson_keeps_code_and_certificate(tmp_path: Path, prepared_cache: Path):
    """Ctrl-C leaves no process; the next start has the same code and certificate, and a new password."""
    settings = Settings(workspace_dir=tmp_path / "workspace")
    link_backbones(prepared_cache, settings)
    port = free_port()
    with running_class(settings, port=port) as first:
        code, password = first.shown("The code of the class"), first.shown("Your password as teacher")
        certificate = first.certificate_path.read_bytes()
        family = [psutil.Process(first.process.pid), *psutil.Process(first.process.pid).children(recursive=True)]
        assert first.stop() == 0
        wait_until(lambda: all(map(is_gone, family)), STOP_TIMEOUT_SECONDS)
        assert "The class is closed" in first.log()
    with running_class(settings, port=port) as second:
        assert second.shown("The code of the class") == code
        assert second.certificate_path.read_bytes() == certificate
        with closing(open_database(settings)) as database:
            desk = ClassroomDesk(database)
            classroom = desk.current()
            assert classroom is not None
            desk.enter_as_teacher(classroom.id, second.shown("Your password as teacher"), "new")
            with pytest.raises(NotLetInError):
                desk.enter_as_teacher(classroom.id, password, "old")


def test_a_school_certificate_is_two_settings(tmp_path: Path, prepared_cache: Path):
    """The name in it is what pupils type, and no browser has to be told anything."""
    school = own_certificate(tmp_path / "school", ["bluetit.school.example"], now=datetime.datetime.now(datetime.UTC))
    settings = Settings(
        workspace_dir=tmp_path / "workspace",
        certificate_file=school.certificate_path,
        certificate_key_file=school.key_path,
    )
    link_backbones(prepared_cache, settings)
    with running_class(settings) as held:
        assert held.shown("The class is open") == f"bluetit.school.example:{held.port}"
        assert "Advanced" not in held.log()
        context = ssl.create_default_context(cafile=str(school.certificate_path))
        with socket.create_connection(("127.0.0.1", held.port), timeout=60) as plain:
            context.wrap_socket(plain, server_hostname="bluetit.school.example").close()
        assert not held.certificate_path.exists()


@pytest.mark.parametrize("option", ["--server.address=0.0.0.0", "variable"])
def test_alone_does_not_start_for_others(tmp_path: Path, option: str):
    """One sentence names the three other ways, however the address was given; nothing is left running."""
    is_variable = option == "variable"
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true"),
            *(f"--server.port={free_port()}", *([] if is_variable else [option])),
        ],
        cwd=PROJECT_DIR,
        env={
            **os.environ,
            **to_environment(Settings(workspace_dir=tmp_path)),
            **({"STREAMLIT_SERVER_ADDRESS": "::"} if is_variable else {}),
        },
        capture_output=True,
        text=True,
        timeout=STOP_TIMEOUT_SECONDS,
        check=False,
    )
    assert ended.returncode == 1
    sentence = ended.stderr.strip().splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert all(access in sentence for access in ("“class”", "“accounts”", "“open”"))
