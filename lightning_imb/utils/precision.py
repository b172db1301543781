"""Which floating-point precision ``accelerator.precision=auto`` means on this machine."""

from lightning_imb.utils.choice import Choice
from lightning_imb.utils.environment import processor_flags

_BF16_FLAGS = {"amx_bf16": "AMX-BF16", "avx512_bf16": "AVX512-BF16"}  # as Linux calls them, best first


def resolve_precision(precision: str, accelerator: str) -> Choice[str]:
    """A precision of Lightning's for the setting ``accelerator.precision``.

    Autocast to bfloat16 keeps weights, batch-norm statistics, losses and heads in float32 and needs no loss
    scaling. It is chosen where the arithmetic units know the format; elsewhere it would be emulated and slow.

    Args:
        precision: ``auto``, or what is returned as it is.
        accelerator: ``cpu``, ``gpu``, ...

    Returns:
        ``bf16-mixed`` or ``32-true`` for ``auto``, with the reason.
    """
    if precision != "auto":
        return Choice(precision, "")
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not _gpu())
    name = _cpu_bf16() if on_cpu else _gpu_bf16()
    if name:
        return Choice("bf16-mixed", f"auto: the {name}")
    known = processor_flags() or not on_cpu
    why = f"the {'processor' if on_cpu else 'GPU'} has no fast bfloat16"
    return Choice("32-true", f"auto: {why if known else 'the abilities of the processor are unknown'}")


def _cpu_bf16() -> str:
    flags = processor_flags()
    return next((f"processor has {name}" for flag, name in _BF16_FLAGS.items() if flag in flags), "")


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _gpu_bf16() -> str:
    import torch

    native = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return "GPU has bfloat16" if native else ""
