"""Networks: one file each, built from `partial_equiv` layers that are handed in."""
