"""What every file under conf/ promises; files are found, not listed."""

import copy
import dataclasses
import inspect
import re

import pytest
from helpers.conf import CONF, composed, groups, node_of, options, yaml_files
from hydra.utils import get_object
from omegaconf import OmegaConf

# Options of these groups have the same keys at their top level, so that a sweep over the options can set any of them.
SAME_KEYS = (
    *("imbalance", "protocol", "model", "reweight", "retrain", "accelerator", "callbacks", "paths", "search"),
    *("sampler", "sharpness", "target_weights", "smoothing"),
)
# Those of these groups share what every option has; the rest are arguments of one class only.
SHARED_KEYS = {
    "resampler": {"_target_", "random_state"},
    "oversample": {"_target_", "random_state"},
    "mix": {"_target_", "_partial_"},
    "posthoc": {"_target_"},
    "analysis": {"_target_"},
    "loss": {"_target_", "_partial_"},  # and what those of classes share: test_contract_losses
    "optimizer": {"_target_", "_partial_", "lr", "weight_decay"},
    "scheduler": {"_target_", "_partial_", "warmup_epochs"},
    "dataset": {
        *("name", "root", "download", "image_size", "channels", "test_size", "split_seed", "on_bad_image"),
        *(
            "mean",
            "std",
            "augment",
            "on_device",
            "default_ratio",
            "epochs",
            "batch_size",
            "eval_batch_size",
            "in_memory",
            "splits",
            "task",
            "target",
            "bins",
            "laws",
        ),
    },
}
BUNDLES = ("method", "experiment", "sweep", "debug")  # they set keys of the whole config
ONE_LOGGER_PER_KEY = ("logger",)
HYDRA_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}


def of_group(group):
    return {option: node_of(group, option) for option in groups()[group]}


def calls(node, path):
    """Every ``(path, node)`` with a ``_target_``, at any depth."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield path, node
        for key, child in node.items():
            yield from calls(child, f"{path}:{key}")


CALLS = {
    path: node
    for file in yaml_files()
    for path, node in calls(OmegaConf.to_container(OmegaConf.load(file)), file.relative_to(CONF).as_posix())
}


def test_every_group_is_covered_by_a_promise():
    assert {*SAME_KEYS, *SHARED_KEYS, *BUNDLES, *ONE_LOGGER_PER_KEY} == set(groups())


def test_every_file_says_what_it_is():
    silent = []
    for file in yaml_files():
        first, second = (*file.read_text().splitlines(), "")[:2]
        said = second if first.startswith("# @package") else first
        if not re.match(r"# \w.{5,}", said):
            silent.append(f"{file.relative_to(CONF)}: {said}")
    assert silent == []


@pytest.mark.parametrize("option", options())
def test_every_option_composes_and_resolves(option):
    cfg = copy.deepcopy(composed(option))
    OmegaConf.set_readonly(cfg, False)
    if "run_dir" in cfg:
        cfg.run_dir = "run"  # comes from Hydra otherwise
    OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize("config", ["eval", "predict", "report", "export"])
def test_the_other_commands_compose(config):
    assert OmegaConf.missing_keys(composed(config=config))


def test_every_analysis_is_one_line_of_its_command_under_its_name():
    cfg = composed(config="analyze")
    found = {name: node for name, node in cfg.items() if OmegaConf.is_dict(node) and "_target_" in node}
    assert set(found) == set(groups()["analysis"])
    for name, node in found.items():
        study = get_object(node._target_)
        assert study.name == name
        assert study.title
        assert list(node) == ["_target_", *(field.name for field in dataclasses.fields(study))], name


@pytest.mark.parametrize("accelerator", groups()["accelerator"])
@pytest.mark.parametrize("config", ["eval", "predict", "analyze"])
def test_the_other_commands_take_every_accelerator(config, accelerator):
    cfg = composed(f"accelerator={accelerator}", config=config)
    assert cfg.accelerator == composed(f"accelerator={accelerator}").accelerator


@pytest.mark.parametrize("group", SAME_KEYS)
def test_options_of_a_group_have_the_same_keys(group):
    keys = {option: set(node) for option, node in of_group(group).items()}
    assert len(set(map(frozenset, keys.values()))) == 1, keys


@pytest.mark.parametrize("group", SHARED_KEYS)
def test_options_of_a_group_share_keys(group):
    for option, node in of_group(group).items():
        assert SHARED_KEYS[group] <= set(node), option


def test_every_logger_is_a_key_of_its_own():
    for option, node in of_group("logger").items():
        assert all("_target_" in logger for logger in node.values()), option


@pytest.mark.parametrize("group", ["loss", "optimizer", "scheduler"])
def test_phase_3_takes_every_option_unchanged(group):
    for name in groups()[group]:
        wanted = composed(f"{group}={name}")[group]
        node = composed("loss=focal", f"{group}@retrain.{group}={name}").retrain[group]
        assert set(node) == set(wanted), name
        assert node._target_ == wanted._target_


def test_phase_3_has_the_loss_of_phase_1_unless_told():
    assert composed("loss=focal").retrain.loss is None


@pytest.mark.parametrize("name", groups()["method"])
def test_a_method_names_itself_and_its_paper(name):
    header = "".join(line for line in (CONF / "method" / f"{name}.yaml").open() if line.startswith("#"))
    assert name in ("erm", "reg_mse") or re.search(r"\b(19|20)\d\d\b|arXiv", header)
    assert composed(f"method={name}").method == name


@pytest.mark.parametrize("group", ["loss", "resampler"])
def test_every_loss_and_resampler_names_its_source(group):
    unpublished = {"none", "random"}  # no over-sampling and copies have no paper
    for name in set(groups()[group]) - unpublished:
        header = "".join(line for line in (CONF / group / f"{name}.yaml").open() if line.startswith("#"))
        assert re.search(r"\b(19|20)\d\d\b|arXiv", header), name


def open_parameters(node):
    """Parameters of the target, and those that the yaml leaves out."""
    parameters = dict(inspect.signature(get_object(node["_target_"])).parameters)
    given = set(node) - HYDRA_KEYS
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = {name: p for name, p in parameters.items() if p.kind not in kinds}
    return given, named, {name: p for name, p in named.items() if name not in given}


@pytest.mark.parametrize("case", CALLS)
def test_every_target_takes_exactly_the_keys_of_its_yaml(case):
    node = CALLS[case]
    given, named, left_out = open_parameters(node)
    assert given <= set(named), f"{node['_target_']} does not take {given - set(named)}"
    required = {name for name, p in left_out.items() if p.default is p.empty}
    if node.get("_partial_"):
        assert required, "nothing is left for run time: _partial_ is not needed"
    else:
        assert not required, f"{node['_target_']} also needs {required}"


@pytest.mark.parametrize("case", [c for c in CALLS if CALLS[c]["_target_"].startswith("lightning_imb.")])
def test_our_classes_have_no_default_that_the_yaml_hides(case):
    *_, left_out = open_parameters(CALLS[case])
    assert not {name for name, p in left_out.items() if p.default is not p.empty}


def test_the_command_line_wins_over_the_bundles():
    cfg = composed("experiment=cifar10_exp100_eos", "method=erm", "imbalance.ratio=10", "epochs=3", "loss=ldam")
    assert (cfg.method, cfg.imbalance.ratio, cfg.epochs) == ("erm", 10, 3)
    assert cfg.loss._target_.endswith("LDAMLoss")
    assert not cfg.retrain.enabled
