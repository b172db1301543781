import logging

import pytest
from helpers.runs import assert_refused, composed

from lightning_imb import checks
from lightning_imb.build import build_classifier
from lightning_imb.checks import check_combination, check_config


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


@pytest.mark.parametrize("value", ["off", "yes", "null"])
def test_recall_per_class_is_logged_or_not_or_as_fits(value):
    check_config(composed("log_per_class=auto"))
    check_config(composed("log_per_class=false"))
    assert_refused(lambda: check_config(composed(f"log_per_class={value}")), "log_per_class", "auto, true or false")


def test_one_process_is_part_of_a_sweep_and_several_are_a_run(monkeypatch):
    check_config(composed("accelerator=ddp_cpu"))
    monkeypatch.setattr(checks, "in_sweep", lambda: True)
    check_config(composed())


# --- what is allowed, but hardly meant


def warnings_of(caplog, *overrides, counts=(40, 20, 10)):
    cfg = composed("method=erm", "model=small_cnn", "epochs=10", *overrides)
    with caplog.at_level(logging.WARNING):
        check_combination(build_classifier(cfg, counts), cfg)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["loss=logit_adjustment"], ["LogitAdjustmentLoss"]),
        (["loss=vs"], ["VSLoss"]),
        (["loss=sade", "model.experts=3"], ["SADELoss"]),
        (["loss.weights=inverse"], ["loss.weights=inverse"]),
        (["reweight=drw"], ["reweight.kind=effective"]),
        (["loss=lade", "reweight=drw"], ["LADELoss", "reweight.kind=effective"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_sampler_beside_another_compensation_is_one_warning(caplog, overrides, named):
    [warning] = warnings_of(caplog, "sampler=class_balanced", *overrides)
    for word in ["sampler.kind=class_balanced", "both compensate", *named]:
        assert word in warning


@pytest.mark.parametrize(
    "overrides",
    [
        ["sampler=instance", "loss=logit_adjustment", "reweight=drw"],
        ["sampler=class_balanced"],
        ["sampler=class_balanced", "loss=ldam"],
        ["sampler=class_balanced", "loss=logit_adjustment", "loss.tau=0"],
        ["sampler=class_balanced", "loss.weights=[1,2,3]"],
    ],
    ids=" ".join,
)
def test_one_compensation_is_no_warning(caplog, overrides):
    assert warnings_of(caplog, *overrides) == []


def test_balanced_classes_have_nothing_to_compensate(caplog):
    assert warnings_of(caplog, "sampler=class_balanced", "reweight=drw", counts=(20, 20, 20)) == []


@pytest.mark.parametrize(
    ("overrides", "warned"),
    [
        (["mix=cmo"], False),
        (["mix=cmo", "epochs=1"], False),
        (["mix=cmo", "mix.start=4", "mix.end=-3", "epochs=7"], True),
        (["mix=mixup", "mix.start=10"], True),
        (["mix=mixup", "mix.end=0"], False),  # switched off on purpose
        (["mix=none"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mixing_that_no_epoch_does_is_a_warning(caplog, overrides, warned):
    warnings = warnings_of(caplog, *overrides)
    assert len(warnings) == warned
    assert all("no epoch" in warning and "mix.start" in warning for warning in warnings)
