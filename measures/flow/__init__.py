"""The flow of a generator on latents: is it rotation?"""

from measures.flow.flow import Flow

__all__ = ["Flow"]
