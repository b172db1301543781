"""Which code made a result: between two releases the version does not tell."""

import functools
import hashlib
import importlib.util
import sysconfig
from collections.abc import Iterable
from pathlib import Path


@functools.cache
def code_digest(patterns: tuple[str, ...]) -> str:
    """Hash of modules of this package.

    Args:
        patterns: Globs inside the package, such as ``losses/**/*.py``.
    """
    package = Path(__file__).parents[1]
    return _digest(package, {file for pattern in patterns for file in package.glob(pattern)})


def own_code(targets: Iterable[str]) -> dict[str, str]:
    """Hash of the user's own modules or packages that settings name, by their names.

    This package, the standard library and what is installed are left out: these have versions.

    Args:
        targets: Dotted names, such as ``my_losses.MyLoss``.
    """
    found = {}
    for name in sorted({target.partition(".")[0] for target in targets} - {__name__.partition(".")[0]}):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None and not _has_version(Path(spec.origin)):
            home = Path(spec.origin).parent
            found[name] = _digest(home, home.rglob("*.py") if spec.submodule_search_locations else [Path(spec.origin)])
    return found


def _has_version(file: Path) -> bool:
    """Built in, of the standard library, or installed."""
    return not file.is_absolute() or any(
        file.is_relative_to(folder) for folder in map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))
    )


def _digest(root: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
