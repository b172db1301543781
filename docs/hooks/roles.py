"""What docstrings point at, as links: Sphinx roles such as ``:meth:`create```, which Markdown does not know."""

import re
from typing import Any

from griffe import Alias, Extension, GriffeLoader, Module, NameResolutionError, Object

_ROLE = re.compile(r":(?:mod|class|meth|func|attr|data|exc):`(~?)([\w.]+)`")


class Roles(Extension):
    """Turns the roles of all docstrings of a package into cross references, or into code where they lead nowhere."""

    def on_package(self, *, pkg: Module, loader: GriffeLoader, **kwargs: Any) -> None:
        """Go through all docstrings, once all names are known."""
        _visit(pkg, pkg)


def _visit(obj: Object, package: Module) -> None:
    if obj.docstring is not None:
        obj.docstring.value = _ROLE.sub(lambda found: _link(found, obj, package), obj.docstring.value)
    for member in obj.members.values():
        if not isinstance(member, Alias):
            _visit(member, package)


def _link(found: re.Match[str], obj: Object, package: Module) -> str:
    short, name = found[1], found[2]
    shown = name.rpartition(".")[2] if short or name.startswith(f"{package.name}.") else name
    target = name if name.startswith(f"{package.name}.") else _resolved(name, obj)
    return f"[`{shown}`][{target}]" if target else f"`{shown}`"


def _resolved(name: str, obj: Object) -> str | None:
    if not obj.is_class and not obj.is_module and obj.parent is not None:
        obj = obj.parent  # a method speaks of its class's members
    if name in obj.members:
        member = obj.members[name]
        return member.target_path if isinstance(member, Alias) else member.path  # an alias is an import
    try:
        return obj.resolve(name)
    except NameResolutionError:
        return None
