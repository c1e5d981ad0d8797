"""A browser of this machine, started without a window: what a page that it opens writes into the log."""

import contextlib
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil

from core.errors import WebPageError

# Chrome and those built like it; others cannot be asked from outside without a program of their own.
_COMMANDS = (
    *("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "microsoft-edge-stable", "msedge", "brave-browser"),
)
_MAC_PROGRAMS = tuple(
    Path(f"/Applications/{name}.app/Contents/MacOS/{name}") for name in ("Google Chrome", "Chromium", "Microsoft Edge")
)
_WINDOWS_PROGRAMS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
_WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
_ARGUMENTS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    "--disable-dev-shm-usage",  # containers give little of it, and a page that needs more just ends
    "--enable-logging=stderr",
)
# A line of the log; the text of a message stands between quotation marks.
_MESSAGE = re.compile(r'CONSOLE[:(]\d+\)?\] "(?P<text>.*)", source: ')
_LOOK_SECONDS = 0.2
_END_SECONDS = 5.0


def find_browser() -> Path | None:
    """A browser of this machine that can open a page without a window; None where there is none."""
    found = (shutil.which(command) for command in _COMMANDS)
    folders = [Path(os.environ[name]) for name in _WINDOWS_FOLDERS if name in os.environ]
    installed = (*_MAC_PROGRAMS, *(folder / program for folder in folders for program in _WINDOWS_PROGRAMS))
    named = (Path(path) for path in found if path is not None)
    return next(named, None) or next((path for path in installed if path.is_file()), None)


def browser_version(browser: Path) -> str:
    """Name and version as the browser says them; the name of its file where it does not."""
    if sys.platform == "win32":  # where asking for it opens a window
        return browser.stem
    try:
        asked = subprocess.run([browser, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return browser.name
    return asked.stdout.strip() or browser.name


@contextlib.contextmanager
def page_messages(
    browser: Path, page: Path, *, timeout_seconds: float, check_cancelled: Callable[[], None]
) -> Iterator[Iterator[str]]:
    """Open a page; the browser is gone at the end of the block.

    Args:
        browser: its program.
        page: an HTML file.
        timeout_seconds: longest silence.
        check_cancelled: called a few times a second; raises to stop.

    Yields:
        What the page writes into the log, message by message, until the browser ends.

    Raises:
        WebPageError: the browser cannot be started; iterating: it is silent for too long.
    """
    # The browser writes into its profile to the last moment.
    with tempfile.TemporaryDirectory(prefix="bluetit-browser-", ignore_cleanup_errors=True) as profile:
        arguments = [*_ARGUMENTS, f"--user-data-dir={profile}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            arguments.append("--no-sandbox")  # which root cannot have; the page is our own
        try:
            process = subprocess.Popen(
                [browser, *arguments, page.as_uri()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as exc:
            raise WebPageError(f"The browser {browser} cannot be started: {exc.strerror or exc}.") from exc
        try:
            yield _messages(process, timeout_seconds, check_cancelled)
        finally:
            _end(process)


def _messages(
    process: subprocess.Popen[str], timeout_seconds: float, check_cancelled: Callable[[], None]
) -> Iterator[str]:
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    if process.stderr is None:
        raise ValueError("a process without a pipe")
    threading.Thread(target=_read_lines, args=(process.stderr, lines), name="browser-log", daemon=True).start()
    silent_since = time.monotonic()
    while True:
        check_cancelled()
        try:
            line = lines.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            if time.monotonic() - silent_since > timeout_seconds:
                raise WebPageError(f"The browser said nothing for {timeout_seconds:.0f} seconds.") from None
            continue
        if line is None:
            return
        found = _MESSAGE.search(line)
        if found is not None:
            silent_since = time.monotonic()
            yield found["text"]


def _read_lines(pipe: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    with contextlib.suppress(ValueError):  # closed while it was read: the browser was ended
        for line in pipe:
            lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    """End a browser with the processes that it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid)
        family = [*started.children(recursive=True), started]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=_END_SECONDS)
    process.wait(_END_SECONDS)
    if process.stderr is not None:
        process.stderr.close()
