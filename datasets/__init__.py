"""Data sets: each is a cheap object with a `spec`, and reads its images in `splits()`."""

__all__: list[str] = []
