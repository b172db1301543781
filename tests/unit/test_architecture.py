"""Who may import whom, how long a file may be, and what must start without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lightning_imb

PACKAGE = Path(lightning_imb.__file__).parent

# Imports point down only: from a later line to an earlier one, never between two names of one line.
LEVELS = (
    ("phases", "utils"),
    ("losses", "resampling", "metrics", "mixing"),
    ("posthoc",),
    ("analysis",),
    ("models", "data"),
    ("callbacks", "tracking"),
    ("settings", "launches"),
    ("runs",),
    ("reports",),
    # what the entry points do: the wiring of all of the above
    ("known_keys", "machine", "task"),
    ("checks", "task_checks"),
    ("build",),
    ("networks",),
    ("phase_3", "records"),
    ("fit",),
    ("adjust", "reuse"),
    ("restore", "scoring", "store"),
    ("workflow", "sweeps", "exporting"),
    ("evaluation", "inference", "tuning", "studies"),
    ("inspection",),
    ("train", "eval", "predict", "report", "tune", "analyze", "export"),
)
LEVEL = {unit: number for number, units in enumerate(LEVELS) for unit in units}

ENTRY_POINTS = set(LEVELS[-1])
WIRING = {unit for units in LEVELS[LEVELS.index(("known_keys", "machine", "task")) : -1] for unit in units}
KNOW_HYDRA = ENTRY_POINTS | WIRING | {"runs", "settings", "utils.cli", "utils.hints", "utils.jobs", "utils.sweeper"}
START_WITHOUT_TORCH = ENTRY_POINTS | {"utils", "runs", "launches", "reports"}
SLOW_TO_IMPORT = {"torch", "torchvision", "torchmetrics", "pytorch_lightning", "lightning"}
MAX_LINES = 300

FILES = sorted(PACKAGE.rglob("*.py"))


def dotted(file):
    """``losses/ldam.py`` -> ``losses.ldam``; a package is its folder."""
    name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
    return name.removesuffix("__init__").rstrip(".")


def unit(module):
    return module.partition(".")[0]


def imports(tree):
    """Dotted names of all that is imported anywhere in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def internal(tree):
    prefix = f"{lightning_imb.__name__}."
    return {name.removeprefix(prefix) for name in imports(tree) if name.startswith(prefix)}


def at_start(tree):
    """What is imported when the module is: not what functions or type checkers import."""

    class Skip(ast.NodeTransformer):
        def visit_FunctionDef(self, node):
            return None

        def visit_If(self, node):
            return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)

    return set(imports(Skip().visit(tree)))


@pytest.fixture(scope="module")
def trees():
    """The syntax tree of each file: one test looks at all files, for there are hundreds of them."""
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in FILES}


def test_every_module_has_a_level():
    assert {unit(dotted(f)) for f in FILES} - {""} == set(LEVEL)


def test_imports_point_down(trees):
    wrong = []
    for file, tree in trees.items():
        here = unit(dotted(file))
        for name in internal(tree):
            there = unit(name)
            if there != here and LEVEL[there] >= LEVEL[here]:
                wrong.append(f"{dotted(file)} imports {name}")
    assert wrong == []


def test_hydra_stays_at_the_top(trees):
    knowing = [
        dotted(file)
        for file, tree in trees.items()
        if {name.partition(".")[0] for name in imports(tree)} & {"hydra", "omegaconf"}
    ]
    assert knowing
    assert [name for name in knowing if not {name, unit(name)} & KNOW_HYDRA] == []


def test_files_are_short():
    lines = {dotted(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_light_modules_import_nothing_slow_themselves():
    slow = {}
    for file in FILES:
        if unit(dotted(file)) in START_WITHOUT_TORCH:
            found = at_start(ast.parse(file.read_text(encoding="utf-8")))  # which changes the tree
            slow[dotted(file)] = {name for name in found if name.partition(".")[0] in SLOW_TO_IMPORT}
    assert slow
    assert {name: found for name, found in slow.items() if found} == {}


def test_light_modules_import_nothing_slow_through_others():
    light = [f"lightning_imb.{dotted(f)}" for f in FILES if unit(dotted(f)) in START_WITHOUT_TORCH]
    code = f"import sys, {', '.join(light)}; print(sorted({SLOW_TO_IMPORT!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("from lightning_imb.data.sources import ArraySource", "sibling"),
        ("def f():\n    import lightning_imb.callbacks.progress", "upwards, inside a function"),
    ],
)
def test_the_rule_sees_what_it_must(code, rule):
    (name,) = internal(ast.parse(code))
    assert LEVEL[unit(name)] >= LEVEL["models"], rule


def test_the_start_up_rule_sees_module_level_only():
    code = "import torch\ndef f():\n    import torchvision\nif TYPE_CHECKING:\n    import lightning\n"
    assert at_start(ast.parse(code)) == {"torch"}
