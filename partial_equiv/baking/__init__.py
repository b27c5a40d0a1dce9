"""Baking: a trained net as a plain graph of torch's own operations, to be exported or run fast."""

from partial_equiv.baking.bake import bake

__all__ = ["bake"]
