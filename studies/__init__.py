"""Studies: tables of runs, with seeds, claims and a report; see `studies.study`."""
