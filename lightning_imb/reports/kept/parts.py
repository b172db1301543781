"""All tables of a study, or one of them."""

from lightning_imb.reports.grid import Grid, to_markdown
from lightning_imb.reports.kept.gains import gains_grid
from lightning_imb.reports.kept.study import Study
from lightning_imb.reports.kept.table import contrast_grid, relation_grid, results_grid

_MAKERS = (results_grid, gains_grid, contrast_grid, relation_grid)
PARTS = ("scores", "gains", "differences", "relations")


def study_grids(study: Study, part: str = "") -> list[Grid]:
    """The tables of a study: its results, and what else it names: gains over a control, differences, relations.

    Args:
        study: The study.
        part: One of ``PARTS``; empty for all.
    """
    grids = dict(zip(PARTS, (make(study) for make in _MAKERS), strict=True))
    return [grid for name, grid in grids.items() if part in ("", name) and grid.rows]


def study_markdown(study: Study, part: str = "") -> str:
    """The tables of a study for a document; a sentence where there is none yet."""
    return "\n".join(map(to_markdown, study_grids(study, part))).strip() or "Nothing is measured yet."
