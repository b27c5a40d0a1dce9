"""Benchmarks: run by hand, never as tests, in the surroundings that a training has."""

import main as main
from training.allocator import keep_freed_memory

keep_freed_memory()
