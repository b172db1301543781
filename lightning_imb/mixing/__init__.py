"""Ways of mixing the images or features of a training batch; pure functions of labels and of the batch's own draws."""

from lightning_imb.mixing.base import Mixer, Mixing, Moment, NoMixing
from lightning_imb.mixing.cutmix import CMO, CutMix
from lightning_imb.mixing.mamix import MAMix
from lightning_imb.mixing.mixup import Mixup
from lightning_imb.mixing.plan import EMBEDDING, INPUT, Plan, apply, mixed_target
from lightning_imb.mixing.remix import Remix
from lightning_imb.mixing.unimix import UniMix
from lightning_imb.mixing.weakening import MajorFeatureWeakening

__all__ = [
    "CMO",
    "EMBEDDING",
    "INPUT",
    "CutMix",
    "MAMix",
    "MajorFeatureWeakening",
    "Mixer",
    "Mixing",
    "Mixup",
    "Moment",
    "NoMixing",
    "Plan",
    "Remix",
    "UniMix",
    "apply",
    "mixed_target",
]
