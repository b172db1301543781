"""The documentation site: it builds without a warning or network, nothing is missing, and what the guides show runs."""

import html
import importlib
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from helpers.commands import InProcess, ended
from helpers.documents import blocks, check_composes, commands, commands_of

from lightning_imb import workflow  # noqa: F401 with it imported, the guides' runs draw no figures

ROOT = Path(__file__).parents[2]
CONF, DOCS, PACKAGE = ROOT / "conf", ROOT / "docs", ROOT / "lightning_imb"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
GROUPS = sorted({file.parent.relative_to(CONF).as_posix() for file in CONF.rglob("*.yaml")} - {".", "hydra/help"})
PACKAGES = sorted(file.parent for file in PACKAGE.rglob("__init__.py"))
# a guide with files to write or Python to run is run as a whole
RUN = sorted(
    page for page, text in PAGES.items() if any(block.title or block.language == "python" for block in blocks(text))
)


def stands_alone(words):
    """Whether it is ours, and needs no configs that a guide has the reader write: those are run with their guide."""
    return words[0].startswith("imb-") and "--config-dir" not in words


ALL = [words for text in PAGES.values() for words in commands_of(text) if stands_alone(words)]
COMMANDS = sorted(set(map(tuple, ALL)))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built by a process of its own, or that of ``IMB_SITE``; notebooks run in a test of theirs."""
    if "IMB_SITE" in os.environ:
        return pages_of(Path(os.environ["IMB_SITE"]))
    folder = tmp_path_factory.mktemp("site")
    env = {"IMB_DOCS_EXECUTE": "false", "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    end = ended(sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder), cwd=ROOT, env=env)
    assert end.code == 0, end.err
    return pages_of(folder)


def pages_of(folder):
    return {page.relative_to(folder).as_posix(): page.read_text(encoding="utf-8") for page in folder.rglob("*.html")}


def anchors(text):
    return set(re.findall(r'\bid="([^"]*)"', text))


@pytest.mark.slow
def test_every_script_option_and_module_has_its_place(site):
    for script in SCRIPTS:
        assert f"configuration/{script}.html" in site
    for group in GROUPS:
        page = site[f"configuration/{group.replace('/', '-')}.html"]
        assert {file.stem for file in (CONF / group).glob("*.yaml")} <= anchors(page)
    for package in PACKAGES:
        name = ".".join(package.relative_to(ROOT).parts)
        modules = {f"{name}.{file.stem}" for file in package.glob("*.py") if not file.name.startswith("_")}
        assert modules <= anchors(site[f"api/{name}.html"])
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"notebooks/{notebook.stem}.html" in site


@pytest.mark.slow
def test_every_link_inside_leads_somewhere(site):
    dead = []
    for page, text in site.items():
        for link in set(re.findall(r'<a [^>]*?href="([^"]+)"', text)) if page != "404.html" else ():
            path, _, anchor = html.unescape(link).partition("#")
            if re.match(r"\w+:", path):
                continue
            target = (Path("/") / page).parent.joinpath(path).resolve().relative_to("/").as_posix() if path else page
            if target not in site or (anchor and anchor not in anchors_of(site, target)):
                dead.append(f"{page}: {link}")
    assert dead == []


def anchors_of(site, page, known={}):  # noqa: B006 pages are long, and many links lead to each
    if (id(site), page) not in known:
        known[id(site), page] = anchors(site[page])
    return known[id(site), page]


@pytest.mark.slow
def test_pages_fetch_nothing(site):
    fetching = re.compile(r'<(?:script|img|link|iframe)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]*"')
    assert {page: found for page, text in site.items() if (found := fetching.findall(text))} == {}


@pytest.mark.slow
def test_docstrings_show_no_markup(site):
    api = {page: re.sub(r"<pre.*?</pre>|<code.*?</code>", "", text, flags=re.DOTALL) for page, text in site.items()}
    role = re.compile(r":(?:meth|func|class|mod|attr|data|exc):")
    assert [page for page, text in api.items() if page.startswith("api/") and role.search(text)] == []


@pytest.mark.parametrize("words", COMMANDS, ids=[" ".join(words) for words in COMMANDS])
def test_command_composes(words):
    check_composes(words)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_guide_runs(page, tmp_path, monkeypatch, capfd):
    """Every file is written, every command and snippet run, in the order of the page."""
    imb = InProcess(monkeypatch, capfd, tmp_path / "work")
    monkeypatch.syspath_prepend(imb.folder)  # what the pages do by PYTHONPATH
    for block in blocks(PAGES[page]):
        if block.title:
            (imb.folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (imb.folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            exec(compile(block.text, page, "exec"), {"__name__": "__main__"})
        elif block.language == "bash":
            for program, *arguments in commands(block.text):
                if program != "export":
                    end = imb(importlib.import_module(program.replace("imb-", "lightning_imb.")).main, *arguments)
                    assert end.code == 0, end.err


@pytest.fixture(scope="module")
def keys_of():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(DOCS / "hooks")
        return importlib.import_module("conf_keys").keys_of


def leaves(node, above=()):
    """Paths of a mapping's values, lists and empty mappings among them."""
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*above, str(name)))
        else:
            yield (*above, str(name))


def test_no_key_of_a_config_is_lost(keys_of):
    lost = []
    for file in sorted(CONF.rglob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        shown = {key.path: key.default for key in keys_of(text)}
        paths = leaves({k: v for k, v in (yaml.safe_load(text) or {}).items() if k != "defaults"})
        # a flow mapping is shown as a whole
        lost += [(file.name, path) for path in paths if not any(path[:n] in shown for n in range(1, len(path) + 1))]
    assert lost == []


def test_comments_stand_beside_their_keys(keys_of):
    text = """# What it is.
# Paper: none
a: 1   # the first,
       # on two lines
b:     # of all b
  c: "x # y"  # after a text
  # above it
  d: [1, 2]
e:
  - f  # not of e
  - g
h: null
"""
    assert [tuple(key) for key in keys_of(text)] == [
        (("a",), "1", "the first, on two lines"),
        (("b",), "", "of all b"),
        (("b", "c"), '"x # y"', "after a text"),
        (("b", "d"), "[1, 2]", "above it"),
        (("e",), "[f, g]", ""),
        (("h",), "null", ""),
    ]


def test_guides_have_what_the_tests_look_at():
    assert len(RUN) > 3
    assert {words[0] for words in COMMANDS} >= {"imb-train", "imb-report", "imb-predict", "imb-eval", "imb-analyze"}
