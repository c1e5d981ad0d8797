"""What happens when a model sees one of its classes for a second: chosen class by class, and tried at once."""

from dataclasses import replace

import streamlit as st

from core.actions.files import MAX_PICTURE_BYTES
from core.actions.records import MAX_WORDS_CHARS, SOUND_SUFFIXES, Actions, ClassAction
from core.actions.sounds import MAX_SOUND_BYTES
from core.errors import ActionError
from core.inference.trained_model import read_model_record
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.services import Services
from pages.server.action_routes import action_url
from pages.stage.preview import reaction_preview
from pages.stage.subject import Subject
from pages.widgets import links
from pages.widgets.errors import guarded
from pages.widgets.uploading import Files, render_upload_box
from pages.words.actions_told import tell_actions
from pages.words.models import has_model
from pages.words.wording import count, plain

_PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "heic", "avif")
_FIRST_COLOUR = "#2f7fd0"
# Voices that browsers bring along; any other can be chosen by a browser that speaks it by itself.
LANGUAGES = {
    "": "As the browser likes",
    **{"ar": "Arabic", "zh-CN": "Chinese", "cs": "Czech", "da": "Danish", "nl": "Dutch", "en-GB": "English (UK)"},
    **{"en-US": "English (US)", "fi": "Finnish", "fr": "French", "de": "German", "el": "Greek", "he": "Hebrew"},
    **{"hi": "Hindi", "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nb": "Norwegian"},
    **{"pl": "Polish", "pt-BR": "Portuguese (Brazil)", "pt-PT": "Portuguese", "ro": "Romanian", "ru": "Russian"},
    **{"sk": "Slovak", "es": "Spanish", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian"},
}
_MAX_PILLS = 12


def render_reactions(subject: Subject, services: Services) -> None:
    """Choose what happens at each class of a model."""
    if subject.run is None:
        st.info(
            "Reactions belong to the classes of a model of your own. Train one, or choose one above.",
            icon=":material/celebration:",
        )
        links.render_link(links.trainings(), "Train a model", icon=":material/model_training:", look="secondary")
        return
    run = subject.run
    actions = services.actions.of_run(run.id)
    names = read_model_record(RunFolder(services.settings, run.id)).class_names
    class_name = _choose_class(run.id, names, actions)
    action = actions.by_class.get(class_name, ClassAction())
    form, view = st.columns([2, 3], gap="large")
    with form:
        _render_form(run.id, class_name, action, services)
    with view:
        told = tell_actions(Actions(by_class={class_name: action}), lambda name: action_url(run.id, name))
        reaction_preview(
            told["by_label"][class_name],
            class_name=class_name,
            language=actions.language,
            key=f"stage.reaction.{run.id}",
        )
        st.caption(
            "It happens when the class has been seen for a second, and ends when it is gone or somebody touches it: on "
            "the screen, on the live camera of the Classify page, and in the exported web page. Browsers let a page be "
            "heard only after somebody has touched it once; a screen asks for that."
        )
        with st.container(horizontal=True):
            links.render_link(
                links.classify_with_model(run.id), "Try it on the live camera", icon=":material/videocam:"
            )
    _render_language(run.id, actions, services)
    _render_take_over(run, services)


def _choose_class(run_id: int, names: tuple[str, ...], actions: Actions) -> str:
    def shown(name: str) -> str:
        return f"{'● ' if name in actions.by_class else ''}{plain(name)}"

    key, label = f"stage.class.{run_id}", "When it sees"
    help_text = "● stands before the classes at which something happens."
    if len(names) > _MAX_PILLS:
        return str(st.selectbox(label, names, key=key, format_func=shown, help=help_text))
    chosen = st.pills(
        label, names, key=key, default=None if key in st.session_state else names[0], format_func=shown,
        required=True, help=help_text,
    )  # fmt: skip
    return str(chosen)


def _render_form(run_id: int, class_name: str, action: ClassAction, services: Services) -> None:
    place = f"{run_id}.{class_name}"

    def choose(**changes: object) -> None:
        now = services.actions.of_run(run_id).by_class.get(class_name, ClassAction())
        services.actions.choose(run_id, class_name, replace(now, **changes))  # type: ignore[arg-type]

    def key(name: str, value: object) -> str:
        whole = f"stage.{name}.{place}"
        st.session_state.setdefault(whole, value)
        return whole

    def chosen(name: str) -> object:
        return st.session_state[f"stage.{name}.{place}"]

    def put_picture(files: Files) -> None:
        services.actions.put_picture(run_id, class_name, files[-1].getvalue())

    def put_sound(files: Files) -> None:
        services.actions.put_sound(run_id, class_name, files[-1].getvalue())

    st.text_input(
        "Say",
        key=key("words", action.words),
        max_chars=MAX_WORDS_CHARS,
        placeholder="Hello, blue tit!",
        on_change=guarded(lambda: choose(words=str(chosen("words")).strip())),
        help="Spoken by a voice of the browser, and shown.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(
            "Fill the screen with a colour",
            key=key("has_colour", action.colour is not None),
            on_change=guarded(lambda: choose(colour=_FIRST_COLOUR if chosen("has_colour") else None)),
        )
        if action.colour is not None:
            st.color_picker(
                "Colour",
                value=action.colour,
                key=f"stage.colour.{place}",
                label_visibility="collapsed",
                on_change=guarded(lambda: choose(colour=str(chosen("colour")).lower())),
            )
    _render_file("Picture", "picture", place, action.picture, lambda: choose(picture=None))
    if action.picture is None:
        render_upload_box(
            "Show a picture",
            key=f"stage.picture.{place}",
            max_megabytes=MAX_PICTURE_BYTES // 1_000_000,
            types=_PICTURES,
            take=put_picture,
        )
    _render_file("Sound", "sound", place, action.sound, lambda: choose(sound=None))
    if action.sound is None:
        render_upload_box(
            "Play a sound",
            key=f"stage.sound.{place}",
            max_megabytes=MAX_SOUND_BYTES // 1_000_000,
            types=[suffix.removeprefix(".") for suffix in SOUND_SUFFIXES],
            take=put_sound,
        )


def _render_file(label: str, kind: str, place: str, file_name: str | None, take_away: object) -> None:
    """Name what is there, and take it away; nothing where nothing is."""
    if file_name is None:
        return
    icon = ":material/image:" if kind == "picture" else ":material/music_note:"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"{icon} {label} chosen")
        st.button(
            "Take it away",
            key=f"stage.{kind}.away.{place}",
            icon=":material/close:",
            on_click=guarded(take_away),  # type: ignore[arg-type]
        )


def _render_language(run_id: int, actions: Actions, services: Services) -> None:
    key = f"stage.language.{run_id}"
    st.session_state.setdefault(key, actions.language if actions.language in LANGUAGES else "")
    if any(action.words for action in actions.by_class.values()):
        st.selectbox(
            "Language of the voice",
            list(LANGUAGES),
            key=key,
            format_func=LANGUAGES.__getitem__,
            width=320,
            on_change=guarded(lambda: services.actions.speak_in(run_id, str(st.session_state[key]))),
        )


def _render_take_over(run: RunView, services: Services) -> None:
    """Reactions of another model, such as the one before this was trained again."""
    others = {each.id: each for each in services.runs.list_runs() if each.id != run.id and has_model(each)}
    reacting = [run_id for run_id in others if _has_reactions(run_id, services)]
    if not reacting:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox(
            "Take over from another model",
            reacting,
            key=f"stage.source.{run.id}",
            format_func=lambda run_id: others[run_id].name,
            width=320,
        )
        st.button(
            "Take over",
            key=f"stage.take_over.{run.id}",
            icon=":material/content_copy:",
            on_click=guarded(_take_over),
            args=(run.id, source, services),
            help="For classes of the same names.",
        )


def _has_reactions(run_id: int, services: Services) -> bool:
    try:
        return not services.actions.of_run(run_id).is_empty
    except ActionError:
        return False  # damaged: there is nothing to take over


def _take_over(run_id: int, source_id: int, services: Services) -> None:
    number = services.actions.take_over(run_id, source_id)
    for name in list(st.session_state):
        if str(name).startswith("stage.") and f".{run_id}." in str(name):
            del st.session_state[name]  # fields are filled in anew
    st.toast(f"Taken over for {count(number, 'class', 'classes')}.", icon=":material/content_copy:")
