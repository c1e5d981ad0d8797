"""The command `bluetit`: starts the app for one person or a class, or works for servers elsewhere."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

SCRIPT_PATH = Path(__file__).resolve().parents[2] / "streamlit_app.py"

_HELP = """\
Bluetit shows photos to image networks and teaches them yours.

  bluetit          for you alone: opens in this computer's browser, and nobody else can reach it
  bluetit class    for a class: pupils come in from their own devices by a code
  bluetit class --help   what can be chosen for a class
  bluetit worker   shows nothing: trains and imports for servers on other computers, with the same database

Ctrl-C stops it. What you collect and train is kept in ~/.bluetit, or where BLUETIT_WORKSPACE_DIR says.
More words after `bluetit` alone go to the web server, for example: bluetit --server.port 9000
"""
_CLASS, _WORKER = "class", "worker"
_DEFAULT_PORT = 8501
# A pupil's photos come by themselves or by dozens. The server keeps in memory what arrives, thirty times this at worst.
_DEFAULT_UPLOAD_MB = 50


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Do what somebody typed, until the server ends.

    Args:
        arguments: the words after the command's name.

    Returns:
        The code with which the process ends.
    """
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help", "help"):
        print(_HELP, end="")
        return 0
    if first == _CLASS:
        return _hold_class(arguments[1:])
    if first == _WORKER:
        return _work(arguments[1:])
    if first and not first.startswith("-"):
        near = difflib.get_close_matches(first.lower(), [_CLASS, _WORKER, "help"], n=1)
        meant = f"Did you mean bluetit {near[0]}?" if near else "bluetit --help says what there is."
        print(f"There is no bluetit {first}. {meant}", file=sys.stderr)
        return 2
    return _start_alone(arguments)


def _start_alone(arguments: Sequence[str]) -> int:
    """As the README starts the app."""
    import click
    from streamlit.web import cli  # takes a second, which --help need not wait

    try:
        code: int | None = cli.main(["run", str(SCRIPT_PATH), *arguments], "streamlit", standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except click.Abort:  # Ctrl-C, after the server has ended in peace
        return 0
    return code or 0


def _hold_class(arguments: Sequence[str]) -> int:
    chosen = _class_parser().parse_args(arguments)
    from pages.command.classroom import hold_class

    return hold_class(
        SCRIPT_PATH, port=chosen.port, max_upload_mb=chosen.max_upload_mb, opens_browser=not chosen.no_browser
    )


def _work(arguments: Sequence[str]) -> int:
    argparse.ArgumentParser(
        prog="bluetit worker",
        description="Does the work of servers on other computers: what trains, imports, exports. It takes the settings "
        "of those servers, BLUETIT_DATABASE_URL above all; BLUETIT_MAX_WORKERS says how many networks at once.",
    ).parse_args(arguments)
    from pages.command.working import work

    return work()


def _class_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bluetit class",
        description="Holds a class on this computer. Pupils open the address that is shown, or scan it, and come in by "
        "the code of the class; you come in by the teacher's password, which is shown once at each start.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        help=f"the number at the end of the address; else {_DEFAULT_PORT}, or the next that is free",
    )
    parser.add_argument(
        "--max-upload-mb",
        type=_positive,
        default=_DEFAULT_UPLOAD_MB,
        metavar="MB",
        help=f"the largest file that anybody can send, in megabytes (else {_DEFAULT_UPLOAD_MB})",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="do not open the page for the projector in this computer's browser"
    )
    return parser


def _port(text: str) -> int:
    number = _positive(text)
    if number > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no port; a number from 1 to 65535 was expected")
    return number


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} was given; a whole number from 1 on was expected")
    return int(text)
