import pytest
from helpers.runs import assert_refused, composed

from lightning_imb import checks
from lightning_imb.checks import check_config


@pytest.mark.parametrize(
    "overrides",
    [
        ["accelerator=ddp_cpu"],
        ["accelerator.devices=2"],
        ["accelerator.devices=[0,1]"],
        ["accelerator.strategy=ddp"],
        ["accelerator=multi_gpu"],
    ],
    ids=" ".join,
)
def test_several_processes_are_no_part_of_a_sweep(monkeypatch, overrides):
    cfg = composed(*overrides)
    monkeypatch.setattr(checks, "in_sweep", lambda: True)
    assert_refused(lambda: check_config(cfg), "accelerator.devices=", "(-m)", "hydra/launcher", "without -m")


def test_one_process_is_part_of_a_sweep_and_several_are_a_run(monkeypatch):
    check_config(composed("accelerator=ddp_cpu"))
    monkeypatch.setattr(checks, "in_sweep", lambda: True)
    check_config(composed())
