"""Tables of kept results in documents, and the command that keeps and shows them."""

import pytest
from helpers.kept import STUDY, write

from lightning_imb.report import report
from lightning_imb.reports.kept.documents import main, renewed
from lightning_imb.reports.request import Request
from lightning_imb.utils.errors import InputError


def test_documents_get_the_tables_between_their_marks(digits_study, tmp_path):
    document = tmp_path / "README.md"
    document.write_text("before\n<!-- results: digits (make results) -->\nearlier\n<!-- results: end -->\nafter\n")
    main([str(digits_study.parent), str(document)])
    text = document.read_text()
    assert text.startswith("before\n<!-- results: digits (make results) -->\n\n**Digits**")
    assert text.endswith("<!-- results: end -->\nafter\n")
    assert "earlier" not in text
    assert renewed(text, digits_study.parent) == text


def test_a_mark_may_name_one_table(digits_study):
    text = renewed("<!-- results: digits:differences -->\n<!-- results: end -->", digits_study.parent)
    assert "**Digits: differences, with 95% intervals**" in text
    assert "**Digits**" not in text
    with pytest.raises(InputError, match="no part 'wrong'"):
        renewed("<!-- results: digits:wrong -->\n<!-- results: end -->", digits_study.parent)


def test_a_mark_may_join_studies(digits_study):
    other = digits_study.parent / "letters"
    write(other, STUDY | {"title": "Letters", "rows": STUDY["rows"][:2], "contrasts": []})
    text = renewed("<!-- results: digits+letters -->\n<!-- results: end -->", digits_study.parent)
    assert "|  | Digits | Letters | overrides |\n| :-- | --: | --: | :-- |" in text
    assert "| EOS | 75.00 ± 0.00 | – |" in text
    assert "| SMOTE |" not in text


def test_what_titles_begin_with_stands_above_their_columns(digits_study):
    for name in ("one", "other"):
        write(digits_study.parent / name, STUDY | {"title": f"Digits, few, {name}", "contrasts": []})
    text = renewed("<!-- results: one+other -->\n<!-- results: end -->", digits_study.parent)
    assert "**bacc: Digits, few**\n\n|  | one | other | overrides |" in text
    write(digits_study.parent / "other", STUDY | {"title": "Digits, few", "contrasts": []})
    text = renewed("<!-- results: one+other -->\n<!-- results: end -->", digits_study.parent)
    assert "**bacc: Digits**\n\n|  | few, one | few | overrides |" in text


@pytest.mark.parametrize("changes", [{"percent": False}, {"rows": STUDY["rows"][3:]}, {"columns": {"x": "test/top1"}}])
def test_studies_that_share_nothing_are_not_joined(digits_study, changes):
    write(digits_study, STUDY | {"rows": STUDY["rows"][:3]})
    write(digits_study.parent / "letters", STUDY | {"contrasts": []} | changes)
    with pytest.raises(InputError, match="digits and letters"):
        renewed("<!-- results: digits+letters -->\n<!-- results: end -->", digits_study.parent)


def test_no_document_is_written_where_one_is_refused(digits_study, tmp_path):
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text("<!-- results: digits -->\n<!-- results: end -->")
    bad.write_text("no mark")
    with pytest.raises(InputError, match="lacks the line"):
        main([str(digits_study.parent), str(good), str(bad)])
    assert "Digits" not in good.read_text()


def test_a_mark_without_a_study_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"study\.yaml"):
        renewed("<!-- results: wrong -->\n<!-- results: end -->", tmp_path)


def test_the_command_keeps_and_shows(make_whole_run, sweep, tmp_path, capsys):
    make_whole_run("erm/0")
    kept = tmp_path / "kept"
    report(Request(sweep, ("method",), ("test/bacc",), form="markdown", keep=kept))
    assert f"kept in {kept}: method=erm.json" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"no study\.yaml"):
        report(Request(kept, ("method",), ()))
    write(kept, STUDY)
    report(Request(kept, ("method",), ()))
    assert "Digits" in capsys.readouterr().out
    report(Request(kept, ("method",), (), form="markdown", out=tmp_path / "out.md"))
    assert "| CE |" in (tmp_path / "out.md").read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"form": "csv"}, "format=csv"), ({"compare": True}, "compare="), ({"cols": ("seed",)}, "cols=")],
)
def test_the_command_refuses_what_a_study_says_itself(digits_study, changes, words):
    with pytest.raises(InputError, match=words):
        report(Request(digits_study, ("method",), (), **changes))
