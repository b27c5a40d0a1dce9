"""Processes that train together: who they are, what they tell each other, and how they are started.

several()       whether torchrun or srun has started this process as one of several
team()          those processes, seen from this one; None if it is alone
start(2, work)  the same on one machine, through torch's launcher
"""

from together.environment import of_srun, several, speaks
from together.importing import quick_fabric
from together.starting import start
from together.team import AnotherFailed, Team, team

__all__ = ["AnotherFailed", "Team", "of_srun", "quick_fabric", "several", "speaks", "start", "team"]
