import sys

import torch

from lightning_imb.utils.environment import command, hardware, versions


def test_versions_name_what_results_depend_on():
    found = versions()
    assert found["torch"] == torch.__version__.split("+")[0]
    assert {"python", "lightning-imb", "imbalanced-learn", "torchvision"} <= set(found)


def test_hardware_counts_the_threads_in_use():
    found = hardware()
    assert found["threads"] == torch.get_num_threads()
    assert found["cores"] >= 1
    assert found["cpu"]


def test_command_is_what_was_typed_without_the_place_of_the_program(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/some/where/imb-train", "seed=1", "loss=ldam"])
    assert command() == "imb-train seed=1 loss=ldam"
