import pytest
from helpers.runs import assert_refused, composed

from lightning_imb.task import monitored_score
from lightning_imb.task_checks import check_task

REG = ("dataset=sigma", "method=reg_mse")


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["reweight=drw"], ["reweight.kind=effective", "reweight=none", "target_weights=inverse"]),
        (["mix=mixup"], ["mix=Mixup", "mix=none"]),
        (["oversample=random"], ["oversample=", "oversample=none"]),
        (["model=resnet32", "model.experts=3"], ["model.experts=3", "model.experts=1"]),
        (["callbacks.diagnostics_every=1"], ["callbacks.diagnostics_every=1"]),
        (["retrain=lws"], ["retrain.trains=scales", "retrain.trains=head"]),
        (["model.head=cosine"], ["model.head=cosine", "model.head=auto"]),
        (["protocol.monitor=bacc"], ["protocol.monitor", "mse", "bacc"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_is_made_for_classes_is_refused_for_numbers(overrides, parts):
    assert_refused(lambda: check_task(composed(*REG, *overrides)), *parts)


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["imbalance=normal"], ["imbalance.law=lightning_imb.data.laws.Normal", "dataset=digits", "imbalance=exp"]),
        (["target_weights=lds"], ["target_weights.base=inverse_sqrt", "target_weights=none"]),
        (["smoothing=fds"], ["smoothing.enabled=True", "smoothing=none"]),
        (["model.head_bias=false"], ["model.head_bias=False"]),
        (["protocol.monitor=mse"], ["protocol.monitor", "bacc", "mse"]),
        (["dataset.task=ranking"], ["dataset.task", "classification, regression", "ranking"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_is_made_for_numbers_is_refused_for_classes(overrides, parts):
    assert_refused(lambda: check_task(composed("method=erm", *overrides)), *parts)


@pytest.mark.parametrize("overrides", [(), ("imbalance=exp",), ("imbalance=missing", "target_weights=lds")])
def test_numbers_may_have_laws_weights_and_profiles_of_their_bins(overrides):
    check_task(composed(*REG, *overrides))


def test_classes_are_the_default():
    check_task(composed("method=erm"))


@pytest.mark.parametrize(("overrides", "score"), [(("method=erm",), "bacc"), (REG, "mse")], ids=["classes", "numbers"])
def test_the_monitored_score_follows_the_task_unless_told(overrides, score):
    assert monitored_score(composed(*overrides)) == score
    assert monitored_score(composed(*overrides, "protocol.monitor=other")) == "other"
