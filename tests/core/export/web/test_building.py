"""The HTML file of a model, as text; tests/e2e has it in a browser."""

import base64
import gzip
import hashlib
import html
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.errors import WebPageError
from core.export.web.building import build_page, program
from core.export.web.model import Sample, WebAction, WebModel
from core.export.web.packed import unpack
from core.export.web.runtime import WebRuntime

RUNTIME = WebRuntime(script="var ModuleFactory = 1;\r\n", program=b"\0asm" * 500)
SAMPLE = Sample(name="a.jpg", data=b"\xff\xd8\xff photo", probabilities=(0.25, 0.75), answer="b")
MODEL = WebModel(
    title="Tits & <others>",
    maker_line='by "Ada"',
    class_names=("</script><b>", "Kohlmeise ü"),
    litert=b"model" * 1000,
    image_size=(224, 192),
    fit_mode="crop",
    crop_fraction=0.875,
    temperature=1.5,
    min_probability=0.6,
    max_distance=0.4,
    reference=np.array([[3, 4], [0, 2]], np.float32),
    samples=(SAMPLE,),
    licence="Weights: Apache-2.0",
)


def text_of(model: WebModel = MODEL) -> str:
    return build_page(model, RUNTIME).decode()


def block(page: str, name: str) -> re.Match[str]:
    found = re.search(rf'<script type="application/\S+" id="{name}"(?: data-form="(\w+)")?>(.*?)</script>', page, re.S)
    assert found is not None
    return found


def file_in(page: str, name: str) -> bytes:
    form, text = block(page, name).groups()
    return gzip.decompress(unpack(text)) if form == "gzip" else unpack(text)


def facts_in(page: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(block(page, "facts")[2])
    return facts


def test_the_files_lie_in_the_page() -> None:
    """Model, runtime, sample photos and the features of the training photos come out as they went in."""
    page = text_of()
    assert file_in(page, "model") == MODEL.litert
    assert file_in(page, "runtime") == RUNTIME.program
    assert file_in(page, "sample-0") == SAMPLE.data
    features = np.frombuffer(file_in(page, "reference"), "<f2").reshape(2, facts_in(page)["numFeatures"])
    np.testing.assert_allclose(features, [[0.6, 0.8], [0, 1]], atol=1e-3)


def test_what_happens_at_a_class_lies_in_the_page() -> None:
    """By the number of the class, with its files; there is nothing of it where nothing happens."""
    picture, sound = f"action-{'1' * 64}.jpg", f"action-{'2' * 64}.mp3"
    action = WebAction(words="</script>Tschilp", colour="#ff8800", picture=picture, sound=sound)
    files = {picture: b"\xff\xd8\xff picture", sound: b"sound"}
    page = text_of(replace(MODEL, actions={1: action}, action_files=files, language="de"))
    names = [name.replace(".", "-") for name in (picture, sound)]
    told = {"words": "</script>Tschilp", "colour": "#ff8800", "picture": names[0], "sound": names[1]}
    assert (facts_in(page)["actions"], facts_in(page)["language"]) == ({"1": told}, "de")
    assert [file_in(page, name) for name in names] == list(files.values())
    assert "media-src blob:" in page
    assert facts_in(text_of())["actions"] == {}
    with pytest.raises(WebPageError, match="class 2"):
        replace(MODEL, actions={2: action})


def test_the_page_says_how_the_model_is_asked() -> None:
    """Size, fit, calibration, limits and what is expected of the samples."""
    facts = facts_in(text_of())
    assert facts["input"] == {
        **{"width": 192, "height": 224, "fitMode": "crop", "cropFraction": 0.875, "shortestSide": 256},
        **{"reducingGap": 3.0, "grey": [124, 116, 104]},
    }
    assert facts["rule"] == {"temperature": 1.5, "minProbability": 0.6, "maxDistance": 0.4}
    assert facts["samples"] == [
        {"id": "sample-0", "name": "a.jpg", "expected": {"answer": "b", "shares": [0.25, 0.75]}}
    ]


def test_what_people_typed_is_text() -> None:
    """No name of a class, title or line can become part of the page's code."""
    page = text_of()
    assert "</script><b>" not in page
    assert facts_in(page)["classNames"] == list(MODEL.class_names)
    for told in (MODEL.title, MODEL.maker_line, MODEL.licence):
        assert html.escape(told) in page


def test_the_policy_allows_what_is_in_the_page_and_nothing_else() -> None:
    """Each script and style is named by its hash, as a browser reads it; no address is."""
    page = text_of()
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    policy = {name: values for name, *values in (part.split() for part in found[1].split(";"))}
    written = [*re.findall(r"<script>(.*?)</script>", page, re.S), *re.findall(r"<style>(.*?)</style>", page, re.S)]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in written]
    assert policy["script-src"] == [*hashes[:3], "'wasm-unsafe-eval'"]
    assert policy["style-src"] == hashes[3:]
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert not re.search(r"https?:|//", found[1])


def test_the_same_model_makes_the_same_page() -> None:
    """Byte for byte: a page can be made again and compared."""
    assert build_page(MODEL, RUNTIME) == build_page(MODEL, RUNTIME)


def test_without_a_limit_no_features_are_taken_along() -> None:
    """Those of many training photos are as large as the model."""
    page = text_of(replace(MODEL, max_distance=None))
    assert facts_in(page)["numFeatures"] == 0
    assert 'id="reference"' not in page


def test_a_runtime_that_would_end_its_script_is_refused() -> None:
    """What follows would be shown to people as text, or run."""
    with pytest.raises(WebPageError, match="would end it"):
        build_page(MODEL, replace(RUNTIME, script="'</SCRIPT>'"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"fit_mode": "stretch"}, "one of crop, letterbox, squash"),
        ({"temperature": 0.0}, "above 0"),
        ({"class_names": ()}, "without classes"),
        ({"reference": np.zeros(3, np.float32)}, "Examine the model again"),
        ({"class_names": ("only one",)}, "2 probabilities"),
    ],
    ids=["fit mode", "temperature", "no classes", "features", "samples of another model"],
)
def test_a_model_that_cannot_be_asked_is_refused(wrong: dict[str, Any], told: str) -> None:
    """The error says what came in and what was expected."""
    with pytest.raises(WebPageError, match=told):
        replace(MODEL, **wrong)


def test_the_scripts_become_one() -> None:
    """Nothing is left of how they import from each other, which a page without a server cannot do."""
    assert not re.search(r"^(import|export) ", program(), re.MULTILINE)
    declared = re.findall(r"^(?:const|let|(?:async )?function|class) (\w+)", program(), re.MULTILINE)
    assert len(declared) == len(set(declared)) > 20
