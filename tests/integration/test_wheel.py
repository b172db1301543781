"""The wheel is the whole package: it works in another environment and another folder, without the repository."""

import os
import shutil
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from helpers.commands import ended
from helpers.conf import composed
from omegaconf import OmegaConf

REPOSITORY = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "conf", "lightning_imb")
ENVIRONMENT = {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}


def shipped():
    """Files of the repository that the package consists of, named as in the wheel."""
    code = [f for pattern in ("*.py", "py.typed") for f in (REPOSITORY / "lightning_imb").rglob(pattern)]
    templates = [f for f in (REPOSITORY / "lightning_imb").rglob("templates/*") if f.is_file()]
    conf = [f for pattern in ("*.py", "*.yaml") for f in (REPOSITORY / "conf").rglob(pattern)]
    names = {f.relative_to(REPOSITORY).as_posix() for f in [*code, *templates]}
    names |= {f"lightning_imb/{f.relative_to(REPOSITORY).as_posix()}" for f in conf}
    return {name for name in names if not name.startswith("lightning_imb/conf/local/")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that nothing is left in the repository; without the network."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, source / name)
    (source / "conf" / "local" / "default.yaml").write_text("# What a developer keeps to himself.\nseed: 7\n")
    built = ended(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", cwd=source)
    assert built.code == 0, built.out + built.err
    (file,) = (source / "dist").iterdir()
    return file


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An environment with the wheel in it; its dependencies are those of the environment the tests run in."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    install = ("-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps", str(wheel))
    installed = ended(sys.executable, *install, cwd=home, env=ENVIRONMENT)
    assert installed.code == 0, installed.err
    # A path in a .pth file is searched last, and the .pth files in it (an editable lightning_imb) are not read.
    paths = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (site / "dependencies.pth").write_text("\n".join(paths) + "\n")
    return scripts


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def test_the_wheel_holds_every_module_and_every_config(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == shipped()


def test_the_metadata_name_license_and_scripts(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (scripts,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        text = archive.read(scripts).decode()
        assert any(name.endswith("/LICENSE") for name in archive.namelist())
    for command in ("train", "eval", "predict", "report"):
        assert f"imb-{command} = lightning_imb.{command}:main" in text


def test_code_and_configs_come_from_the_wheel(environment, elsewhere):
    code = "import lightning_imb as p, lightning_imb.conf as c; print(p.__file__, c.__file__, sep='\\n')"
    end = ended(environment / "python", "-c", code, cwd=elsewhere, env=ENVIRONMENT)
    assert end.code == 0, end.err
    assert all(Path(line).is_relative_to(environment.parent) for line in end.out.split())


def test_the_command_composes_the_same_config(environment, elsewhere):
    end = ended(environment / "imb-train", "method=ldam_drw", "--cfg", "job", cwd=elsewhere, env=ENVIRONMENT)
    assert end.code == 0, end.err
    assert OmegaConf.create(end.out) == composed("method=ldam_drw")
    assert list(elsewhere.iterdir()) == []


def test_a_config_of_ones_own_composes(environment, elsewhere, tmp_path):
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    text = "# @package _global_\ndefaults:\n  - override /loss: focal\nloss:\n  gamma: 0.5\n"
    (tmp_path / "mine" / "experiment" / "soft.yaml").write_text(text)
    arguments = ("--config-dir", str(tmp_path / "mine"), "experiment=soft", "--cfg", "job", "--package", "loss")
    end = ended(environment / "imb-train", *arguments, cwd=elsewhere, env=ENVIRONMENT)
    assert end.code == 0, end.err
    assert OmegaConf.create(end.out).gamma == 0.5


@pytest.mark.parametrize("command", ["eval", "predict", "report"])
def test_the_other_commands_are_there(environment, elsewhere, command):
    end = ended(environment / f"imb-{command}", "--help", cwd=elsewhere, env=ENVIRONMENT)
    assert end.code == 0, end.err
    assert f"Usage: imb-{command}" in end.out
