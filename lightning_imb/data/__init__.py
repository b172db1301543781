"""Profiles, sources, splits, transforms, embeddings and the data module that joins them."""
