import re

import pytest
from helpers.conf import groups

from lightning_imb.utils import catalogue as module
from lightning_imb.utils.catalogue import GROUPS, catalogue, entries, renewed
from lightning_imb.utils.errors import InputError

BEGIN, END = "<!-- catalogue: begin (make catalogue) -->", "<!-- catalogue: end -->"


def test_every_option_of_a_method_is_there_once():
    wanted = [(group, option) for group in GROUPS for option in groups()[group]]
    assert [(entry.group, entry.option) for entry in entries()] == wanted


def test_every_option_says_in_one_line_what_it_is():
    for entry in entries():
        assert 10 < len(entry.title) < 130, entry
        assert not entry.title.endswith("."), entry
        assert "|" not in "".join(entry), entry


def test_every_paper_has_a_year():
    for entry in entries():
        assert not entry.paper or re.search(r"\b(19|20)\d\d\b", entry.paper), entry


def test_losses_of_the_field_have_a_paper():
    without = {entry.option for entry in entries() if entry.group in ("loss", "mix", "posthoc") and not entry.paper}
    assert without <= {"none", "ce"}


def test_the_table_is_put_between_the_marks():
    text = renewed(f"before\n{BEGIN}\nold\n{END}\nafter")
    assert text == f"before\n{BEGIN}\n\n{catalogue()}\n\n{END}\nafter"
    assert renewed(text) == text


@pytest.mark.parametrize("text", ["", BEGIN, END])
def test_a_document_without_its_marks_is_refused(text):
    with pytest.raises(InputError, match="catalogue"):
        renewed(text)


def test_a_header_that_lacks_a_line_is_named(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("# What it is.\n# Paper: none\n_target_: y\n")
    with pytest.raises(InputError, match=r"conf/loss/x\.yaml"):
        module._entry("loss", file)


def test_main_writes_the_file(tmp_path):
    file = tmp_path / "README.md"
    file.write_text(f"{BEGIN}\n{END}\n")
    module.main(str(file))
    assert catalogue() in file.read_text()
