"""What a run does: one file a routine, each with run(build, …) -> flat result."""
