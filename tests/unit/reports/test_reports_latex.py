"""Tables in LaTeX."""

import pytest

from lightning_imb.reports.grid import Grid
from lightning_imb.reports.latex import escape, to_latex

GOLDEN = r"""\begin{table}
\centering
\caption{Scores. test set; 50\% held out. \textbf{take care}}
\begin{tabular}{llr}
\toprule
method & k & bacc \\
\midrule
ldam\_drw & -- & 0.500 $\pm$ 0.010 \\
\midrule
eos \& co & 10 & \textbf{0.720 $\pm$ 0.020} \\
\bottomrule
\end{tabular}
\end{table}
"""


def test_a_table_in_full():
    grid = Grid(
        title="Scores",
        header=("method", "k", "bacc"),
        rows=(("ldam_drw", "–", "0.500 ± 0.010"), ("eos & co", "10", "0.720 ± 0.020")),
        labels=2,
        caption="test set; 50% held out",
        warning="take care",
        bold=frozenset({(1, 2)}),
        breaks=frozenset({0, 1}),
    )
    assert to_latex(grid) == GOLDEN


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (r"a\b", r"a\textbackslash{}b"),
        ("#1_{x}$", r"\#1\_\{x\}\$"),
        ("~^<>|", r"\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}"),
        ("two\nlines", "two lines"),
        ("χ²(3) ≥ 5", r"$\chi$$^2$(3) $\geq$ 5"),
        ("Zürich", "Zürich"),
    ],
)
def test_what_is_special_is_escaped_once(text, escaped):
    assert escape(text) == escaped


@pytest.mark.parametrize("name", ["[a]", "*"])
def test_a_line_does_not_begin_with_what_the_line_before_takes_for_its_argument(name):
    text = to_latex(Grid("T", ("class", "n"), ((name, "1"), (name, "2"))))
    assert text.count(f"\n{{}}{name} & ") == 2
    assert f"\n{name}" not in text
