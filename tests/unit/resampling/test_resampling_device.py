import pytest

from lightning_imb.resampling.device import resolved_device
from lightning_imb.utils.errors import InputError


@pytest.mark.parametrize("there", [True, False])
def test_auto_is_a_gpu_if_there_is_one(there, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    assert resolved_device("auto") == ("cuda" if there else "cpu")
    assert resolved_device("cpu") == "cpu"


def test_a_missing_gpu_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="use device='cpu' or 'auto'"):
        resolved_device("cuda")
