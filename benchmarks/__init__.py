"""Measurements that are no tests: each is a command that prints a table."""
