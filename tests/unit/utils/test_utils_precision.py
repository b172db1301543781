import pytest
import torch

from lightning_imb.utils import precision
from lightning_imb.utils.precision import resolve_precision


@pytest.mark.parametrize("given", ["32-true", "bf16-mixed", "16-mixed"])
def test_what_is_given_stays(given):
    assert resolve_precision(given, "cpu") == (given, "")
    assert str(resolve_precision(given, "gpu")) == given


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx512f", "avx512_bf16"}, "bf16-mixed (auto: the processor has AVX512-BF16)"),
        ({"avx512_bf16", "amx_bf16"}, "bf16-mixed (auto: the processor has AMX-BF16)"),
        ({"avx2", "avx512f"}, "32-true (auto: the processor has no fast bfloat16)"),
        (set(), "32-true (auto: the abilities of the processor are unknown)"),
    ],
)
def test_a_processor(monkeypatch, flags, expected):
    monkeypatch.setattr(precision, "processor_flags", lambda: frozenset(flags))
    assert str(resolve_precision("auto", "cpu")) == expected


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu(monkeypatch, native):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    expected = "bf16-mixed (auto: the GPU has bfloat16)" if native else "32-true (auto: the GPU has no fast bfloat16)"
    assert str(resolve_precision("auto", "gpu")) == expected
