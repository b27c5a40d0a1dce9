"""What `main.py` does with its words: help, checks, jobs and sweeps. Loads nothing by itself."""
