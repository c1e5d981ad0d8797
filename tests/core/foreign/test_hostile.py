"""Files made to do harm: each is refused in a sentence, by a process of its own, and nothing else comes to harm."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from core.errors import ForeignModelError, TaskCancelledError
from core.foreign.library import ForeignLibrary
from core.foreign.reading import Reading
from tests.core.foreign.conftest import Workshop
from tests.core.foreign.foreign_samples import (
    LABELS_TXT,
    SIDE,
    as_litert,
    keras_bytes,
    rebuilt,
    small_model,
    teachable_bytes,
    with_config,
    with_weights,
    zipped,
)

NAMES = b"tit\ncrow\nfinch\n"


@pytest.fixture(scope="module")
def good_keras() -> bytes:
    return keras_bytes(small_model())


@pytest.fixture(scope="module")
def good_litert() -> bytes:
    return as_litert(small_model())


def last_layer(config: dict[str, Any]) -> dict[str, Any]:
    return config["config"]["layers"][-1]


# --- configs ------------------------------------------------------------------------------------------------


def add_lambda(config: dict[str, Any]) -> None:
    program = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    config["config"]["layers"].append(
        {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "evil", "function": program}}
    )


def name_a_module(config: dict[str, Any]) -> None:
    last_layer(config)["module"] = "os"


def name_a_module_and_a_function(config: dict[str, Any]) -> None:
    last_layer(config)["config"]["activation"] = {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    }


def name_a_registered_class(config: dict[str, Any]) -> None:
    last_layer(config)["registered_name"] = "builtins>exec"


def name_a_layer_of_bluetit(config: dict[str, Any]) -> None:
    last_layer(config).update(module="core.networks.hub", class_name="HubLayer", registered_name="bluetit>HubLayer")


def want_many_units(config: dict[str, Any]) -> None:
    last_layer(config)["config"]["units"] = 2**33


def want_a_large_kernel(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["kernel_size"] = [2**31, 2**31]


def write_a_file(config: dict[str, Any]) -> None:
    config["config"]["layers"].append(
        {"class_name": "TFOpLambda", "config": {"name": "evil", "function": "io.write_file"}, "inbound_nodes": []}
    )


def hold_a_saved_model(config: dict[str, Any]) -> None:
    config["config"]["layers"].append(
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp/x", "name": "evil"}}
    )


def be_deep(config: dict[str, Any]) -> None:
    inner: Any = {}
    for _ in range(400):
        inner = {"a": inner}
    last_layer(config)["config"]["deep"] = inner


def be_no_model(config: dict[str, Any]) -> None:
    config["class_name"] = "Dense"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add_lambda, "Lambda, which is a program"),
        (name_a_module, "the module 'os'"),
        (name_a_module_and_a_function, "'system'"),
        (name_a_registered_class, "'builtins>exec'"),
        (name_a_layer_of_bluetit, "'bluetit>HubLayer'"),
        (want_many_units, "8,589,934,592 units, but no weights of that size"),
        (want_a_large_kernel, "kernel_size is 2,147,483,648"),
        (write_a_file, "'io.write_file'"),
        (hold_a_saved_model, "TFSMLayer"),
        (be_deep, "nested too deeply"),
        (be_no_model, "not that of a Keras model"),
    ],
)
def test_a_config_that_could_be_more_than_layers_is_refused_before_anything_is_built(
    workshop: Workshop, good_keras: bytes, change: Callable[[dict[str, Any]], object], said: str
):
    """The sentence names what is not allowed; no library that could run it has been loaded yet."""
    assert said in workshop.refusal({"model.keras": with_config(good_keras, change), "labels.txt": NAMES})


def test_the_same_holds_for_old_files_that_are_trusted(workshop: Workshop, tmp_path: Path):
    """The accepted risk is that of the library, not of programs in the file."""
    path = tmp_path / "model.h5"
    path.write_bytes(teachable_bytes())
    with h5py.File(path, "r+") as file:
        config = file.attrs["model_config"]
        text = config if isinstance(config, str) else config.decode()
        file.attrs["model_config"] = text.replace('"class_name": "Dense"', '"class_name": "Lambda"')
    assert "Lambda, which is a program" in workshop.refusal({"keras_model.h5": path.read_bytes(), "labels.txt": NAMES})


def test_an_old_file_is_not_opened_before_its_risk_is_accepted(workshop: Workshop):
    """Neither alone nor in a zip."""
    for files in ({"keras_model.h5": teachable_bytes()}, {"a.zip": zipped({"keras_model.h5": teachable_bytes()})}):
        assert "only when you have said" in workshop.refusal({**files, "labels.txt": LABELS_TXT}, trusted=False)


# --- weights ------------------------------------------------------------------------------------------------


def some_dataset(file: h5py.File) -> str:
    found: list[str] = []
    file.visititems(lambda name, each: found.append(name) if isinstance(each, h5py.Dataset) else None)
    return found[0]


def link_outside(file: h5py.File) -> None:
    file["evil"] = h5py.ExternalLink("/etc/passwd", "/")


def link_softly(file: h5py.File) -> None:
    file["evil"] = h5py.SoftLink("/layers")


def be_virtual(file: h5py.File) -> None:
    name = some_dataset(file)
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape=shape, dtype="f4")
    layout[...] = h5py.VirtualSource("/etc/hostname", "x", shape=shape)
    file.create_virtual_dataset(name, layout)


def be_elsewhere(file: h5py.File) -> None:
    file.create_dataset("evil", shape=(4,), dtype="u1", external=[("/etc/hostname", 0, 4)])


def refer(file: h5py.File) -> None:
    file.attrs["evil"] = file[some_dataset(file)].ref


def claim_much(file: h5py.File) -> None:
    file.create_dataset("evil", shape=(2**33,), dtype="f4", chunks=(2**20,), compression="gzip")


def claim_much_without_having_it(file: h5py.File) -> None:
    file.create_dataset("evil", shape=(2**33,), dtype="f4")


def hold_texts(file: h5py.File) -> None:
    file.create_dataset("evil", data=np.array([b"x"] * 3, dtype=object), dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (link_outside, "link to another file"),
        (link_softly, "link to another place"),
        (be_virtual, "virtual"),
        (be_elsewhere, "in another file of this computer"),
        (refer, "a reference"),
        (claim_much, "claims 34,360 MB"),
        (claim_much_without_having_it, "claims 34,360 MB"),
        (hold_texts, "something else than numbers"),
    ],
)
def test_weights_that_lead_out_of_their_file_or_claim_more_than_it_has_are_refused(
    workshop: Workshop, good_keras: bytes, change: Callable[[h5py.File], object], said: str
):
    """Reading them would open other files of the computer, or fill its memory."""
    assert said in workshop.refusal({"model.keras": with_weights(good_keras, change), "labels.txt": NAMES})


# --- zips ---------------------------------------------------------------------------------------------------


def test_archive_bombs_are_refused(workshop: Workshop, good_keras: bytes):
    """Whether the bomb is the description, the weights, or a file that nobody needs."""
    with zipfile.ZipFile(io.BytesIO(good_keras)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    blank = b" " * 150_000_000
    for name in ("config.json", "model.weights.h5", "assets/readme.txt"):
        assert "refused as an attack" in workshop.refusal({"model.keras": zipped({**files, name: blank})})
    lying = bytearray(zipped({**files, "config.json": b" " * 30_000_000}))
    at = lying.index(b"PK\x01\x02")  # the table says that it is small
    while struct.unpack_from("<I", lying, at + 24)[0] != 30_000_000:
        at = lying.index(b"PK\x01\x02", at + 4)
    struct.pack_into("<I", lying, at + 24, 1_000)
    assert "cannot be read as a model" in workshop.refusal({"model.keras": bytes(lying)})


@pytest.mark.parametrize("path", ["../../evil.tflite", "/etc/evil.tflite", "C:\\evil.tflite", "a/../../evil.tflite"])
def test_a_path_that_leads_out_of_its_folder_is_refused(workshop: Workshop, good_litert: bytes, path: str):
    """No path of a zip is ever written, but who packs such a thing is not to be trusted."""
    assert "leads out of its folder" in workshop.refusal({"a.zip": zipped({path: good_litert, "labels.txt": NAMES})})


def test_what_is_cut_off_is_refused(workshop: Workshop, good_keras: bytes, good_litert: bytes):
    """With the advice to copy it again."""
    cut = {
        "model.keras": good_keras[: len(good_keras) // 2],
        "model.h5": teachable_bytes()[:5_000],
        "model.tflite": good_litert[: len(good_litert) // 3],
    }
    for name, content in cut.items():
        said = workshop.refusal({name: content, "labels.txt": NAMES})
        assert "again" in said, said


class Evil:
    """What a pickle runs when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("/tmp/bluetit-was-here", "w"))


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.tflite", "model.zip", "model.pkl"])
def test_pickles_are_never_read_whatever_they_are_called(workshop: Workshop, name: str):
    """The file's content decides what it is, never its name."""
    assert "pickle" in workshop.refusal({name: pickle.dumps(Evil(), protocol=4), "labels.txt": NAMES})
    assert not Path("/tmp/bluetit-was-here").exists()
    torch = zipped({"model/data.pkl": pickle.dumps(Evil()), "model/version": b"3"})
    assert "pickles" in workshop.refusal({name: torch, "labels.txt": NAMES})


# --- LiteRT -------------------------------------------------------------------------------------------------


def test_random_bytes_are_refused(workshop: Workshop, good_litert: bytes):
    """With and without the mark of a LiteRT file, and a real file of which bytes were changed."""
    generator = np.random.default_rng(0)
    noise = generator.bytes(20_000)
    assert "no model that is known here" in workshop.refusal({"model.tflite": noise, "labels.txt": NAMES})
    marked = noise[:4] + b"TFL3" + noise[8:]
    assert "cannot be read" in workshop.refusal({"model.tflite": marked, "labels.txt": NAMES})
    outcomes = set()
    for _ in range(6):
        changed = bytearray(good_litert)
        for at in generator.integers(8, len(changed), 60):
            changed[at] = generator.integers(0, 256)
        outcomes.add(outcome_of(workshop, {"model.tflite": bytes(changed), "labels.txt": NAMES}))
    assert "refused" in outcomes
    for model in workshop.library.list_trashed():
        workshop.desk.purge(model.id)


def outcome_of(workshop: Workshop, files: dict[str, bytes]) -> str:
    """Where only numbers were changed it is another model; anything but a refusal in words would be raised here."""
    try:
        model = workshop.bring(files)
    except ForeignModelError:
        return "refused"
    workshop.library.trash(model.id)
    return "taken"


def name_operator(model: Any, code: int, custom: bytes | None) -> None:
    model.operatorCodes[0].builtinCode, model.operatorCodes[0].customCode = code, custom
    model.operatorCodes[0].deprecatedBuiltinCode = min(code, 127)


@pytest.mark.parametrize(
    ("code", "custom", "said"),
    [
        (schema.BuiltinOperator.CUSTOM, b"EvilOp", "operator “EvilOp”"),
        (schema.BuiltinOperator.CUSTOM, b"edgetpu-custom-op", "Coral Edge TPU"),
        (schema.BuiltinOperator.CUSTOM, b"FlexWriteFile", "all of TensorFlow (Flex)"),
        (schema.BuiltinOperator.WHILE, None, "operator WHILE"),
        (schema.BuiltinOperator.CALL_ONCE, None, "operator CALL_ONCE"),
        (schema.BuiltinOperator.HASHTABLE_IMPORT, None, "operator HASHTABLE_IMPORT"),
        (4_000, None, "operator number 4000"),
    ],
)
def test_operators_that_no_network_for_photos_needs_are_refused_by_name(
    workshop: Workshop, good_litert: bytes, code: int, custom: bytes | None, said: str
):
    """Operators of their own are programs; loops never end."""
    content = rebuilt(good_litert, lambda model: name_operator(model, code, custom))
    assert said in workshop.refusal({"model.tflite": content, "labels.txt": NAMES})


def test_weights_in_other_files_are_refused(workshop: Workshop, good_litert: bytes):
    """LiteRT would open whichever file is named."""

    def name_a_file(model: Any) -> None:
        group = schema.ExternalBufferGroupT()
        group.name = b"/etc/passwd"
        model.externalBufferGroups = [group]

    content = rebuilt(good_litert, name_a_file)
    assert "in other files" in workshop.refusal({"model.tflite": content, "labels.txt": NAMES})


# --- what fits, and does harm all the same ------------------------------------------------------------------


def test_a_model_of_allowed_layers_that_fills_the_memory_is_ended(workshop: Workshop):
    """Keras makes an array of terabytes of a photo; the sentence says that it was the memory."""
    hog = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.UpSampling2D(4000), keras.layers.GlobalAveragePooling2D()]
    )
    said = workshop.refusal({"model.keras": keras_bytes(hog), "labels.txt": NAMES})
    assert "memory" in said


def test_one_that_takes_too_long_is_ended(workshop: Workshop, good_keras: bytes):
    """Nobody waits for ever; who brings a large model is told what to do."""
    hasty = replace(workshop, settings=replace(workshop.settings, foreign_read_seconds=1.0))
    assert "was not read within 1 s" in hasty.refusal({"model.keras": good_keras, "labels.txt": NAMES})


def test_stopping_ends_the_process_and_keeps_nothing(workshop: Workshop, good_keras: bytes):
    """What the report raises ends everything, in the middle of the longest step."""
    source = workshop.desk.receive([("model.keras", io.BytesIO(good_keras), len(good_keras))])

    told: list[str] = []

    def stop(fraction: float | None, message: str) -> None:
        told.append(message)
        if told.count("Building the model and converting it") == 5:
            raise TaskCancelledError

    with pytest.raises(TaskCancelledError):
        Reading(workshop.settings, ForeignLibrary(workshop.database), report=stop).run(source)
    assert workshop.library.list_models() == []
    workshop.desk.drop(source)
    assert not list(workshop.settings.incoming_path.glob("*"))


def test_too_many_files_and_too_large_ones_are_refused_at_the_door(workshop: Workshop, good_litert: bytes):
    """Single files only; a limit in bytes, which the administrator sets."""
    assert "single files" in workshop.refusal({"a.tflite": good_litert, "b.txt": NAMES, "c.txt": NAMES})
    assert "2 models" in workshop.refusal({"a.tflite": good_litert, "b.tflite": good_litert})
    assert "no model" in workshop.refusal({"labels.txt": NAMES})
    assert "2 models" in workshop.refusal({"a.zip": zipped({"a.tflite": good_litert, "b.tflite": good_litert})})


def test_after_all_of_that_a_good_model_is_brought_in_and_answers(
    workshop: Workshop, good_litert: bytes, pixels: npt.NDArray[np.uint8]
):
    """The process that refused all these files is as it was."""
    model = workshop.bring({"birds.tflite": good_litert, "labels.txt": NAMES})
    assert model.class_names == ("tit", "crow", "finch")
    assert workshop.say(model, pixels).sum() == pytest.approx(1, abs=1e-5)
