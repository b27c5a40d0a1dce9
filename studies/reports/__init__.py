"""What some studies report beyond the table of their rows and claims: one file each.

Each has report(runs, figures, **settings) -> Measured: tables, flat figures and pictures from the
runs that are done, whichever these are; the pictures are drawn in the folder `figures`. A study's
YAML names it, and its settings: `report: parity`, `settings: {…}`.
"""
