"""Results that outlive their run folders: one json per row of a table, and the tables and differences made of them."""

from lightning_imb.reports.kept.cell import Cell, KeptRun, read_cells
from lightning_imb.reports.kept.keep import keep
from lightning_imb.reports.kept.study import Study, check_no_cells, is_study, read_study

__all__ = ["Cell", "KeptRun", "Study", "check_no_cells", "is_study", "keep", "read_cells", "read_study"]
