"""What every option of conf/posthoc for classes promises."""

import inspect

import pytest
import torch
from helpers.conf import composed, groups
from helpers.posthoc import given
from hydra.utils import get_object, instantiate

from lightning_imb.posthoc import PostHoc


def node(option, **changes):
    return {**composed(f"posthoc={option}").posthoc, **changes}


OPTIONS = [option for option in groups()["posthoc"] if get_object(node(option)["_target_"]).task != "regression"]
every_option = pytest.mark.parametrize("option", OPTIONS)


@every_option
def test_it_makes_a_head_of_finite_logits(option):
    method = instantiate(node(option), _convert_="all")
    assert isinstance(method, PostHoc)
    assert method.name == option
    adjusted = method.adjust(given())
    z = torch.randn(7, 6)
    logits = adjusted.head(z)
    assert logits.shape == (7, 4)
    assert torch.isfinite(logits).all()
    assert adjusted.report["posthoc"] == method.name
    assert adjusted.report["searched_on"] in (None, "val")


@every_option
@pytest.mark.parametrize("counts", [(5, 2), (1, 1, 1), (3, 3, 3, 3)])
def test_it_takes_two_classes_single_images_and_balanced_classes(option, counts):
    adjusted = instantiate(node(option), _convert_="all").adjust(given(counts=counts, val=[2] * len(counts)))
    assert torch.isfinite(adjusted.head(torch.randn(5, 6))).all()


@every_option
def test_it_is_a_function_of_what_is_given(option):
    z = torch.randn(7, 6)
    logits = [instantiate(node(option), _convert_="all").adjust(given()).head(z) for _ in range(2)]
    assert torch.equal(*logits)


@every_option
def test_its_defaults_are_those_of_the_yaml(option):
    written = {key: value for key, value in node(option).items() if not key.startswith("_")}
    parameters = inspect.signature(get_object(node(option)["_target_"])).parameters
    defaults = {name: p.default for name, p in parameters.items()}
    assert {k: list(v) if isinstance(v, tuple) else v for k, v in defaults.items()} == written


@pytest.mark.parametrize(
    ("option", "changes"),
    [
        ("none", {}),
        ("tau_norm", {"tau": 0, "bias": "keep"}),
        ("weight_rescaling", {"gamma": 0}),
        ("logit_adjustment", {"tau": 0}),
        ("pc_softmax", {"tau": 0}),
        ("temperature", {"temperature": 1}),
    ],
)
def test_the_neutral_number_is_the_trained_head(option, changes):
    question, z = given(), torch.randn(20, 6)
    adjusted = instantiate(node(option, **changes), _convert_="all").adjust(question)
    assert torch.equal(adjusted.head(z), question.head(z))
