"""The stiffness Q of a cell as a label: the order of its six components, decided here alone.

Q is the symmetric matrix from engineering strains to stresses; 0 is stretch along x, 1 is stretch
along y, 2 is shear.
"""

__all__ = ["COMPONENTS", "PLACES", "SHEARED", "SWAPPED"]

COMPONENTS = ("Q00", "Q11", "Q22", "Q01", "Q12", "Q02")
"""Names of the components in the order of labels; a file of others may have another one."""

PLACES = tuple((int(name[1]), int(name[2])) for name in COMPONENTS)
"""Row and column of each component in Q."""

SWAPPED = [
    next(k for k, place in enumerate(PLACES) if set(place) == {(1, 0, 2)[i], (1, 0, 2)[j]})
    for i, j in PLACES
]
"""Which component each one becomes where x and y change places: Q00 Q11, Q12 Q02."""

SHEARED = [-1.0 if (i == 2) != (j == 2) else 1.0 for i, j in PLACES]
"""The sign of each component where x or y turns round, and shear with it: −1 of Q12 and Q02."""
