"""The campaign: what becomes of runs that are killed, misled, damaged or starved.

    python -m benchmarks.campaign kills words files resources [--count N] [--seed N]

Every part tries many cases of tiny runs and prints how many it tried, and of these how many ended
badly: lost (it could not go on), different (it went on to other bits, and did not say so),
tracebacks, hangs. All four should be 0. The cases follow from the seed, but for what the machine's
speed decides: which instruction a kill hits.
"""
