"""Data sets: each is a cheap object with a `spec`, and reads its images in `splits()`.

spec: what all promise · dataset: what all inherit · checks: what no data may be · images: settings
and ways that image sets share · published, idx, amat: files of others, none of them trusted ·
class_folders (by entries), pictures, tfrecords: a user's files · batching (tensors, files): splits
· holdout, framing, augment, rotation, mirrored: what is done to images.

A new data set of images is a subclass of `images.ImageSet` with `facts` and `read`, and a YAML that
names it.
"""

__all__: list[str] = []
