"""Names of very many files: what goes in comes out, in few bytes, also in another process."""

import pickle
from pathlib import Path

import pytest
import torch

from datasets.files import FileSplit
from datasets.names import Names
from datasets.pictures import Pictures
from datasets.spec import DataSpec

ODD = ["a/b.jpg", "", "\udcff.jpg", "ä/…/ß.png", "line\nbreak.gif"]


def test_names_are_a_sequence() -> None:
    names = Names(ODD)
    assert [names[k] for k in range(-5, 5)] == ODD * 2
    assert (list(names), names[1:4], names[::-2]) == (ODD, ODD[1:4], ODD[::-2])
    with pytest.raises(IndexError):
        names[5]
    assert list(Names()) == list(Names.joined([])) == []
    assert list(Names.joined([names, Names(), Names("xyz")])) == [*ODD, "x", "y", "z"]


def test_a_sample_of_a_large_set_takes_few_bytes() -> None:
    num = 200_000
    names = Names(f"train/n{i % 1000:08d}/n{i % 1000:08d}_{i}.JPEG" for i in range(num))
    spec = DataSpec(3, 1000, (224, 224), mean=(0.0,) * 3, std=(1.0,) * 3)
    split = FileSplit(Pictures(Path(), names, 224), torch.arange(num), torch.zeros(num), spec)
    sent = pickle.dumps(split)
    assert len(sent) / num < 80  # a name of 35 letters, where it ends, its number, its label
    assert pickle.loads(sent).source.names[num - 1] == names[num - 1]
