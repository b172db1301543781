"""What every file of conf/hydra/launcher promises: it is a launcher of a plugin, with other defaults."""

import pytest
from helpers.conf import CONF
from hydra import compose, initialize_config_module
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

PLUGINS = {
    "parallel": "hydra_plugins.hydra_joblib_launcher",
    "slurm": "hydra_plugins.hydra_submitit_launcher",
    "slurm_local": "hydra_plugins.hydra_submitit_launcher",
    "ray_cluster": "hydra_plugins.hydra_ray_launcher",
}
FILES = sorted((CONF / "hydra" / "launcher").glob("*.yaml"))


def launcher(name, *overrides):
    """The node that Hydra makes a launcher of."""
    pytest.importorskip(PLUGINS[name])
    Plugins.instance()  # or the plugin's own options are not known yet
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        return compose("train", [f"hydra/launcher={name}", *overrides], return_hydra_config=True).hydra.launcher


def test_every_file_is_looked_at():
    assert {file.stem for file in FILES} == set(PLUGINS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_keys_are_those_of_the_plugin_and_it_becomes_a_launcher(file):
    node = launcher(file.stem)
    own = OmegaConf.load(file)
    assert {key: node[key] for key in own if key != "defaults"} == {k: v for k, v in own.items() if k != "defaults"}
    assert node._target_.startswith(PLUGINS[file.stem])
    assert node._target_ in Plugins.instance().class_name_to_class


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_name_is_not_one_of_the_plugins(file):
    """Hydra would match the two by their name, and warn at every start."""
    assert file.stem not in ("basic", "joblib", "submitit_local", "submitit_slurm", "ray", "ray_aws")


def test_slurm_gets_what_the_launcher_says(tmp_path, monkeypatch):
    submitit = pytest.importorskip("submitit")
    (tmp_path / "srun").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")  # submitit asks whether there is a cluster
    changes = ["partition=gpu", "gpus_per_node=1", "setup=['source .venv/bin/activate']"]
    node = OmegaConf.to_container(launcher("slurm", *(f"hydra.launcher.{change}" for change in changes)), resolve=False)
    executor = submitit.AutoExecutor(tmp_path / "jobs", cluster="slurm", slurm_max_num_timeout=node["max_num_timeout"])
    common = ("timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes")
    own = ("partition", "array_parallelism", "signal_delay_s", "setup", "additional_parameters")
    executor.update_parameters(**{k: node[k] for k in common}, **{f"slurm_{k}": node[k] for k in own})
    text = executor._executor._make_submission_file_text("run", "0")
    for line in ("--partition=gpu", "--time=240", "--cpus-per-task=4", "--gpus-per-node=1", "--mem=16GB"):
        assert f"#SBATCH {line}\n" in text
    assert "#SBATCH --signal=USR2@120\n" in text
    assert "\nsource .venv/bin/activate\n" in text
