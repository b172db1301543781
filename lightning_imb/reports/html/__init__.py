"""One html file with everything a sweep has found: tables, figures, configs, commands."""

from lightning_imb.reports.html.page import write_html

__all__ = ["write_html"]
