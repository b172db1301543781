"""Every notebook runs from top to bottom; a new one is tested by being there."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# runs draw figures of their own, which no notebook shows and which take as long as training
WITHOUT_FIGURES = "from lightning_imb import workflow\nworkflow.run_figures = lambda run, scores: {}"


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(WITHOUT_FIGURES))
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, timeout=180, kernel_name="python3", resources=resources).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_output(path):
    cells = nbformat.read(path, as_version=4).cells
    kept = [cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]
    assert kept == []
