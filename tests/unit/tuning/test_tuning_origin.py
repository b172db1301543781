"""A study does not go on with other code or data: scores that could not be compared would be ranked together."""

import shutil
from pathlib import Path

import pytest
from helpers.images import pixels, write_image
from helpers.runs import TINY, assert_refused, coloured_classes

import lightning_imb
from lightning_imb.tuning import origin as module
from lightning_imb.tuning import search as search_module
from lightning_imb.tuning.origin import check_code, check_data
from lightning_imb.tuning.search import search
from lightning_imb.tuning.study import complete, open_study

CODE = "class Mine: ..."


@pytest.fixture
def images(tmp_path):
    """Three class folders of images."""
    return coloured_classes(tmp_path / "images")


@pytest.fixture
def question(hydra, ask, images):
    """A question about them."""
    space = {"resampler.k": {"type": "int", "low": 1, "high": 50}}
    return ask(space, fixed=("dataset=image_folder", f"dataset.root={images}", *TINY))


@pytest.fixture
def folder(tmp_path):
    """Of the study."""
    made = tmp_path / "study"
    made.mkdir()
    return made


@pytest.fixture
def reopened(question, folder):
    """A function that opens the study of the images, as a new launch does."""
    return lambda: open_study(folder, question)


def add(images):
    write_image(images / "a" / "new.png", pixels(0, 8, 8))


def relabel(images):
    (images / "a" / "00.png").rename(images / "b" / "relabelled.png")


def lose(images):
    (images / "a" / "00.png").unlink()


def grow(images):
    write_image(images / "a" / "00.png", pixels(0, 16, 16))


@pytest.mark.parametrize("change", [add, relabel, lose, grow])
def test_a_study_does_not_go_on_with_other_data(reopened, question, folder, images, change):
    check_data(reopened(), question, folder)
    check_data(reopened(), question, folder)
    change(images)
    words = (str(folder), "other files, labels or sizes", "restore them", "study=")
    assert_refused(lambda: check_data(reopened(), question, folder), *words)


def test_a_study_goes_on_with_a_copy_of_the_data(reopened, question, folder, images, tmp_path):
    check_data(reopened(), question, folder)
    kept = images.rename(tmp_path / "kept")
    shutil.copytree(kept, images, copy_function=shutil.copyfile)
    check_data(reopened(), question, folder)


def test_data_that_change_between_two_trials_end_the_search_before_the_next_one(
    reopened, question, folder, images, monkeypatch
):
    def measured(question, values, folder, number):
        if number == 1:
            add(images)
        return [values["resampler.k"] / 50]

    monkeypatch.setattr(search_module, "measure", measured)
    for trials in (2, 2):  # what has all its trials is left as it is
        search(reopened(), question, folder, n_trials=trials, max_failures=1)
    assert_refused(lambda: search(reopened(), question, folder, n_trials=4, max_failures=1), "other data")
    study = reopened()
    assert len(complete(study)) == len(study.get_trials()) == 2


def test_a_study_does_not_go_on_with_other_code(reopened, question, folder, monkeypatch):
    check_code(reopened(), question, folder)
    check_code(reopened(), question, folder)
    monkeypatch.setattr(module, "code_digest", lambda _: "other")
    words = (str(folder), "other code of lightning_imb,", "go back to the earlier code", "study=")
    assert_refused(lambda: check_code(reopened(), question, folder), *words)


def test_the_code_of_a_study_is_that_of_training(reopened, question, folder, monkeypatch):
    patterns = []
    monkeypatch.setattr(module, "code_digest", lambda given: patterns.extend(given) or "x")
    check_code(reopened(), question, folder)
    package = Path(lightning_imb.__file__).parent
    found = {pattern: {file.relative_to(package).as_posix() for file in package.glob(pattern)} for pattern in patterns}
    assert [pattern for pattern, files in found.items() if not files] == []
    together = set().union(*found.values())
    assert {"losses/ldam.py", "resampling/eos.py", "posthoc/tau_norm.py", "phase_3.py"} <= together
    assert not any(file.startswith(("reports/", "studies/", "tuning/")) for file in together)


@pytest.mark.parametrize("searched", [False, True])
def test_code_of_ones_own_counts_where_it_is_searched_too(opened, ask, tmp_path, monkeypatch, searched):
    monkeypatch.syspath_prepend(tmp_path)
    file, name = tmp_path / "my_losses_of_a_study.py", "my_losses_of_a_study.Mine"
    file.write_text(CODE)
    choices = {"type": "categorical", "choices": ["lightning_imb.losses.CrossEntropyLoss", name]}
    question = ask({"loss._target_": choices}) if searched else ask(fixed=(f"loss._target_={name}",))
    check_code(opened(), question, tmp_path)
    check_code(opened(), question, tmp_path)
    file.write_text(f"{CODE}  # changed")
    assert_refused(lambda: check_code(opened(), question, tmp_path), "other code of my_losses_of_a_study,")


def test_a_study_that_has_noted_neither_goes_on_and_notes_them(reopened, question, folder, images):
    """Of an earlier version."""
    study = reopened()
    study.tell(study.ask(), 0.5)
    for check in (check_code, check_data):
        check(reopened(), question, folder)
    add(images)
    assert_refused(lambda: check_data(reopened(), question, folder), "other data")
