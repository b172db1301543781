"""Whether decoded images move to the device that trains on them."""

from lightning_imb.utils.errors import InputError

_SHARE = 0.5  # of the free memory: the network, its gradients and activations need the rest


def check_on_device(on_device: bool | str) -> None:
    """Refuse what ``dataset.on_device`` cannot be.

    Raises:
        InputError: If it is neither ``auto`` nor False.
    """
    if on_device is not False and on_device != "auto":
        raise InputError(f"dataset.on_device is auto or false, not '{on_device}'")


def stays_on_device(on_device: bool | str, device: str, needed: int, free: int) -> bool:
    """Whether images in memory are copied to the device once, instead of batch by batch.

    Args:
        on_device: ``dataset.on_device``: ``auto``, or False for never.
        device: Type of the device, such as ``cpu`` or ``cuda``.
        needed: Bytes of the images.
        free: Free bytes of the device.
    """
    return on_device == "auto" and device == "cuda" and needed <= _SHARE * free
