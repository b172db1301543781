"""One module per case; a new file here is a new case, found by its name."""

import importlib
import pkgutil

from benchmarks.case import BenchmarkError, Case


def case_names() -> list[str]:
    """Names of all cases."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_case(name: str) -> Case:
    """A case by its name.

    Raises:
        BenchmarkError: If there is no such case.
    """
    if name not in case_names():
        raise BenchmarkError(f"there is no case '{name}': choose among {', '.join(case_names())}")
    case = importlib.import_module(f"{__name__}.{name}").CASE
    assert isinstance(case, Case), f"{name}.CASE is no Case"
    return case
