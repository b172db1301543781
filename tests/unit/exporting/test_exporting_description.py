"""What exported files say of themselves."""

import json
from pathlib import Path

import pytest
from helpers.exported import describing
from helpers.runs import assert_refused

from lightning_imb.exporting.described import described

FILE = Path("model.onnx")


@pytest.mark.parametrize("changes", [{}, {"task": "regression", "target": "age in years"}, {"class_names": ("é", "|")}])
def test_what_is_written_is_read_again(changes):
    description = describing(**changes)
    assert described(description.to_json(), FILE) == description


def test_the_output_is_called_what_it_is():
    assert describing().output == "logits"
    assert describing(task="regression", target="age").output == "numbers"


@pytest.mark.parametrize("text", [None, ""])
def test_a_file_of_others_is_refused(text):
    assert_refused(lambda: described(text, FILE), "model.onnx", "not written by imb-export")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1}', '{"format": 1, "task": "classification"}'])
def test_a_damaged_description_is_refused(text):
    assert_refused(lambda: described(text, FILE), "model.onnx", "damaged", "export the run again")


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "x"},
        {"task": ["classification"]},
        {"class_names": []},
        {"class_names": "abc"},
        {"class_names": [1, 2]},
        {"target": "age"},
        {"target": 3},
        {"task": "regression"},
        {"image_size": [1, 2]},
        {"image_size": [1, 2, "3"]},
        {"image_size": [0, 8, 8]},
        {"image_size": [True, 8, 8]},
        {"image_size": 8},
        {"pixels": "x"},
        {"seed": "0"},
        {"dataset": None},
        {"more": 1},
    ],
)
def test_a_value_that_a_description_cannot_have_is_named(changes):
    text = json.dumps(json.loads(describing().to_json()) | changes)
    assert_refused(lambda: described(text, FILE), "model.onnx", "damaged", next(iter(changes)), "export the run again")


def test_a_key_that_is_missing_is_named():
    known = json.loads(describing().to_json())
    del known["method"]
    assert_refused(lambda: described(json.dumps(known), FILE), "damaged", "method")


def test_a_description_of_a_later_version_is_refused():
    text = json.dumps(json.loads(describing().to_json()) | {"format": 2})
    assert_refused(lambda: described(text, FILE), "format 2", "export the run again")
