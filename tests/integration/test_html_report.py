"""The html report of real runs in a real browser."""

import json
import os
import shlex
import shutil

import pytest

from lightning_imb.reports.html import write_html
from lightning_imb.utils.atomic import write_json_atomic

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it is in the extra dev")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
HOSTILE = "<img src=x onerror=\"document.title='caught'\">"
LONG = "a/very/long/folder/" + "with_a_name_that_has_no_place_to_break" * 3
DESKTOP, PHONE = 1280, 400


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A Chromium of this machine with an empty profile."""
    path = os.environ.get("IMB_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no Chromium: none of {', '.join(BROWSERS)} is installed and IMB_CHROMIUM names none")
    profile = tmp_path_factory.mktemp("profile")
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(profile, executable_path=path, args=ARGUMENTS)
        yield context
        context.close()


@pytest.fixture(scope="module")
def report(console, tmp_path_factory):
    """A sweep of two methods and two seeds, one class with a hostile name, and a run that failed."""
    sweep = tmp_path_factory.mktemp("sweep")
    words = ("sweep=demo", "method=erm,eos", "seed=0,1", "epochs=3", "retrain.epochs=2", "logger=csv")
    end = console.script("train", *words, f"hydra.sweep.dir={sweep}", cwd=sweep)
    assert end.code == 0, end.err
    for file in sweep.rglob("metrics.json"):
        metrics = json.loads(file.read_text())
        write_json_atomic(file, metrics | {"class_names": [HOSTILE, *metrics["class_names"][1:]]})
    launch = {"started": "2030-01-02T03:04:05+00:00", "host": "here", "state": "failed", "error": "out of " + LONG}
    write_json_atomic(sweep / LONG / "launches.json", {"launches": [launch]})
    return write_html(sweep, sweep / "report.html", ["method"], ["test/bacc", "test/gmean", "test/many"])


@pytest.fixture
def page(browser, report):
    """The report, open; ``page.heard`` is what it complained of or asked for."""
    found = browser.new_page()
    found.set_default_timeout(5000)
    found.set_viewport_size({"width": DESKTOP, "height": 900})
    found.heard = []
    found.on("console", lambda message: found.heard.append(f"{message.type}: {message.text}"))
    found.on("pageerror", lambda error: found.heard.append(str(error)))
    found.on("request", lambda request: found.heard.append(request.url))
    found.goto(report.as_uri())
    yield found
    found.close()


def table(page, section):
    return page.locator(f"#{section} table")


def column(page, section, name):
    """Texts of one column, from top to bottom."""
    return table(page, section).evaluate(
        """(table, name) => {
            const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
            return [...table.tBodies[0].rows].map((row) => row.cells[heads.indexOf(name)].textContent);
        }""",
        name,
    )


def head(page, section, name):
    return table(page, section).get_by_role("button", name=name, exact=True)


def direction(page, section):
    """``aria-sort`` of all columns that have one."""
    states = table(page, section).locator("th").evaluate_all("all => all.map((th) => th.getAttribute('aria-sort'))")
    return [state for state in states if state != "none"]


def test_the_page_is_silent_and_asks_for_nothing(page, report):
    page.wait_for_load_state("load")
    for name in ("method", "n", "bacc"):
        head(page, "results", name).click()
    page.locator("#runs summary").first.click()
    page.locator("#runs .copy:visible").first.click()
    assert page.heard == [report.as_uri()]


def test_numbers_sort_as_numbers_both_ways(page):
    counts = column(page, "recall", "n_train")
    assert counts[0] == "113"
    assert sorted(counts) != sorted(counts, key=int)  # as words they would stand in another order
    head(page, "recall", "n_train").click()
    assert column(page, "recall", "n_train") == sorted(counts, key=int, reverse=True)
    assert direction(page, "recall") == ["descending"]
    head(page, "recall", "n_train").click()
    assert column(page, "recall", "n_train") == sorted(counts, key=int)
    assert direction(page, "recall") == ["ascending"]


def test_whole_rows_move(page):
    def rows():
        return set(zip(column(page, "recall", "class"), column(page, "recall", "n_train"), strict=True))

    before = rows()
    head(page, "recall", "n_train").click()
    head(page, "recall", "n_train").click()
    assert rows() == before


def test_words_sort_by_the_keyboard_and_one_column_at_a_time(page):
    head(page, "results", "bacc").focus()
    page.keyboard.press("Enter")
    head(page, "results", "method").focus()
    page.keyboard.press("Enter")
    assert column(page, "results", "method") == ["eos", "erm"]
    assert direction(page, "results") == ["ascending"]
    page.keyboard.press("Space")
    assert column(page, "results", "method") == ["erm", "eos"]


def test_missing_scores_stay_last(page):
    cell = table(page, "results").locator("tbody tr").first.locator("td").last
    cell.evaluate("cell => { cell.dataset.key = ''; cell.textContent = '–'; }")
    for _ in range(2):
        head(page, "results", "many").click()
        assert column(page, "results", "many")[-1] == "–"


def test_every_figure_is_drawn(page):
    pictures = page.locator("img").all()
    assert len(pictures) == 1 + 2 + 2 + 2 + 1 + 1
    for picture in pictures:
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 300
        box = picture.bounding_box()
        assert min(box["width"], box["height"]) > 100


def test_names_are_shown_as_they_are_and_never_run(page):
    assert HOSTILE in column(page, "recall", "class")
    assert page.title().startswith("Report of")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_nothing_sticks_out_at_the_side(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for frame in page.locator("figure, .scroll, pre").all():  # what is wider scrolls within these
        box = frame.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_paper(page, scheme):
    page.emulate_media(color_scheme=scheme)
    contrast = """() => {
        const light = (colour) => {
            const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
            const linear = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        };
        const paper = light(getComputedStyle(document.body).backgroundColor);
        return [...document.querySelectorAll("h1, dt, dd, figcaption, a, td, th button")].map((element) => {
            const ink = light(getComputedStyle(element).color);
            return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        });
    }"""
    assert min(page.evaluate(contrast)) > 4.5  # WCAG 2.1, level AA


def shown(page, what):
    """Text of the command or the config of the first run of the list."""
    page.locator("#runs details").first.evaluate("element => { element.open = true; }")
    return page.locator("#runs details").first.locator(".copyable", has_text=what).locator("pre")


def run_folder(page, report):
    return report.parent / page.locator("#runs details").first.locator("dd").first.text_content()


def test_configs_can_be_copied(page, report):
    config = shown(page, "config.yaml").text_content()
    assert config == (run_folder(page, report) / "config.yaml").read_text()
    button = page.locator("#runs .copy:visible").last
    button.click()
    page.wait_for_function("button => button.textContent !== 'Copy'", arg=button.element_handle())
    if button.text_content() != "Copied":
        assert page.evaluate("getSelection().toString()").strip() == config.strip()


def test_the_command_trains_the_run_again(console, page, report, tmp_path):
    program, *words = shlex.split(shown(page, "command").text_content())
    assert program == "imb-train"
    alone = ("store=off", f"hydra.run.dir={tmp_path / 'again'}")
    end = console.script("train", *words, *alone, cwd=tmp_path, accidents=[("without_figures",)])
    assert end.code == 0, end.err
    first, again = (
        json.loads((run / "metrics.json").read_text()) for run in (run_folder(page, report), tmp_path / "again")
    )
    scores = [name for name in first if name.startswith("test/")]
    assert {name: again[name] for name in scores} == {name: first[name] for name in scores}
    assert first["method"] == again["method"]


def test_failed_runs_are_listed_with_their_reason(page):
    assert column(page, "unfinished", "folder") == [LONG]
    assert column(page, "unfinished", "state") == ["failed"]
    assert column(page, "unfinished", "reason") == ["out of " + LONG]
