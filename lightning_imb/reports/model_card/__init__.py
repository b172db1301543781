"""The model card of one run: what it was trained on, how, what it scored, and where that ends."""

from lightning_imb.reports.model_card.card import MODELS, write_card

__all__ = ["MODELS", "write_card"]
