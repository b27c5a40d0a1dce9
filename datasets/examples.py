"""Where the parts of a TensorFlow `Example` lie in its file, without reading more than their heads.

A message of Protocol Buffers is a chain of fields: a varint, number·8 + kind, and what it holds
(a varint, or a length and so many bytes). Field 1 of an `Example` is its `Features`; their fields 1
are the entries of a map: field 1 the name, field 2 a `Feature`, which holds a list of bytes
(field 1) or of integers (field 3), whose fields 1 are the values.
"""

from collections.abc import Iterator
from typing import BinaryIO, TypeAlias

from partial_equiv.refusal import Refusal

__all__ = ["Features"]

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5  # kinds of fields
BYTES_LIST, INTEGERS = 1, 3
MOST = 10  # bytes of a varint

Field: TypeAlias = int | range
"""What a field holds: a number, or the bytes from where to where in the file."""


class Features:
    """The features of the `Example` that lies in a file from `place.start` to `place.stop`.

    Raises:
        Refusal: if there is none; so do the methods, for a feature that has not one value.
    """

    def __init__(self, file: BinaryIO, place: range) -> None:
        self.file = file
        self.found: dict[bytes, range] = {}
        for features in self._messages(place, 1):
            for entry in self._messages(features, 1):
                name, feature = (list(self._messages(entry, number)) for number in (1, 2))
                if name and feature:
                    self.found[self._read(name[-1])] = feature[-1]

    def picture(self, name: str) -> range:
        """Return where the bytes of a feature lie."""
        value = self._value(name, BYTES_LIST)
        if not isinstance(value, range):
            raise Refusal(f"no {name}")
        return value

    def label(self, name: str) -> int:
        """Return the integer of a feature."""
        value = self._value(name, INTEGERS)
        if isinstance(value, range):  # packed: several in one field
            self.file.seek(value.start)
            number = _varint(self.file)
            if self.file.tell() != value.stop:
                raise Refusal(f"no {name}")
            value = number
        return value - 2**64 if value >= 2**63 else value

    def _value(self, name: str, kind: int) -> Field:
        """Return the only value of a feature."""
        lists = self._messages(self.found.get(name.encode(), range(0)), kind)
        values = [value for each in list(lists) for value in self._fields(each, 1)]
        if len(values) != 1:
            raise Refusal(f"no {name}")
        return values[0]

    def _messages(self, place: range, number: int) -> Iterator[range]:
        for held in self._fields(place, number):
            if isinstance(held, range):
                yield held

    def _fields(self, place: range, number: int) -> Iterator[Field]:
        """Yield what the fields of this number of a message hold; others may move in the file."""
        start = place.start
        while start < place.stop:
            self.file.seek(start)
            tag = _varint(self.file)
            held: Field | None = None
            kind = tag % 8
            if kind == VARINT:
                held = _varint(self.file)
                start = self.file.tell()
            elif kind == BYTES:
                length = _varint(self.file)
                held = range(self.file.tell(), self.file.tell() + length)
                start = held.stop
            elif kind in (EIGHT_BYTES, FOUR_BYTES):
                start = self.file.tell() + (8 if kind == EIGHT_BYTES else 4)
            if start > place.stop or kind not in (VARINT, BYTES, EIGHT_BYTES, FOUR_BYTES):
                raise Refusal("it is no Example")
            if tag // 8 == number and held is not None:
                yield held

    def _read(self, place: range) -> bytes:
        self.file.seek(place.start)
        return self.file.read(len(place))


def _varint(file: BinaryIO) -> int:
    """Read a number: 7 bits a byte, the lowest first, the eighth bit says that more follow."""
    number = 0
    for place in range(MOST):
        (byte,) = file.read(1) or b"\x80"  # a file that ends here ends in nonsense
        number |= (byte & 127) << (7 * place)
        if byte < 128:
            return number
    raise Refusal("it is no Example")
