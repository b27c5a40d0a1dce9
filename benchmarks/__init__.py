"""Benchmarks: run by hand, never as tests, in the environment that main.py gives to torch."""

import main as main
