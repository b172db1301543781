"""How the packages that only some parts need are installed."""


def how_to_install(extra: str) -> str:
    """The command for an extra of ``pyproject.toml``; this package comes as a clone and is on no registry.

    Args:
        extra: Its name, such as ``onnx``.
    """
    return f"run pip install -e '.[{extra}]' in the clone of lightning_imb"
