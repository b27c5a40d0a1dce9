"""Measures: what to look at once a net is trained, one file each; see `measures.measure`."""
