"""YAML of unknown origin as plain data: what writers write, what an attacker would, and what was cut."""

from __future__ import annotations

import math
import random
import time

import pytest
import yaml

from reportgen.sources import plainyaml
from reportgen.sources.plainyaml import read_yaml

SAMPLE = """\
# hparams of a run
lr: 0.001
small: 1e-4
layers: [256, 10]
optimizer:
  name: adam
  betas: [0.9, 0.999]
  nested: {a: 1, b: [x, 'y']}
note: |
  two
  lines
folded: >-
  one
  line
dropout: null
empty: ''
on: yes
quoted: "a\\tb"
"""


@pytest.fixture(params=["libyaml", "python"])
def parser(request, monkeypatch):
    """Read with either parser of PyYAML."""
    if request.param == "python":
        monkeypatch.setattr(plainyaml, "_parser", lambda: plainyaml._SlowParser)


def test_it_reads_what_writers_write(parser):
    found = read_yaml(SAMPLE)
    assert (found.fault, found.tags) == ("", 0)
    assert found.value == {
        "lr": 0.001,
        "small": 0.0001,
        "layers": [256, 10],
        "optimizer": {"name": "adam", "betas": [0.9, 0.999], "nested": {"a": 1, "b": ["x", "y"]}},
        "note": "two\nlines\n",
        "folded": "one line",
        "dropout": None,
        "empty": "",
        "true": True,
        "quoted": "a\tb",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-0.5", -0.5),
        ("0x1F", 31),
        ("0o17", 15),
        ("0123", "0123"),
        ("12345678901234567890123", 12345678901234567890123),
        ("1e6", 1e6),
        ("2.5e-3", 2.5e-3),
        ("1234e56", "1234e56"),
        (".inf", math.inf),
        ("2020-01-01", "2020-01-01"),
        ("10:30", "10:30"),
        ("1_000", "1_000"),
        ("file:///x/y", "file:///x/y"),
        ("Off", False),
        ("~", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!int '5'", 5),
        ("! 5", "5"),
    ],
)
def test_scalars(parser, text, value):
    for document in (f"a: {text}\n", f"a: {text}\nb: []\n"):  # the fast way, and the parser's
        found = read_yaml(document).value["a"]
        assert (type(found), found) == (type(value), value)


def test_a_flat_map_is_read_alike_with_and_without_the_parser():
    values = ["1", "1.5", "x", "a b c", "a:b", "x/y.z", "''", '"q"', "'q q'", "", "true", "-3", "1e-4", "no", "~", "0"]
    text = "".join(f"key_{number}: {value}\n" for number, value in enumerate(values))
    assert read_yaml(text) == read_yaml(text + "other: []\n") or read_yaml(text).value == {
        name: value for name, value in read_yaml(text + "other: []\n").value.items() if name != "other"
    }
    assert read_yaml("a:b").value == "a:b"
    assert read_yaml("a: b\n  c\n").value == {"a": "b c"}
    assert read_yaml("a: b # c\n").value == {"a": "b"}


def test_tags_make_no_objects(parser):
    found = read_yaml("a: !!python/object/apply:os.system ['true']\nb: !!python/name:torch.nn.ReLU ''\nc: !x 1\n")
    assert found.value == {"a": ["true"], "b": "torch.nn.ReLU", "c": 1}
    assert found.tags == 3


def test_ordered_maps_of_python_are_maps(parser):
    text = "!!python/object/apply:collections.OrderedDict\n- - - algo\n    - a2c\n  - - n_envs\n    - 8\n"
    assert read_yaml(text).value == {"algo": "a2c", "n_envs": 8}
    assert read_yaml("!!omap\n- a: 1\n- b: 2\n").value == {"a": 1, "b": 2}
    assert read_yaml("!!python/tuple [1, 2]").value == [1, 2]


def test_aliases_and_merge_keys(parser):
    assert read_yaml("base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\n").value["own"] == {"x": 1, "y": 3}
    assert read_yaml("a: &a [*a]\n").fault


def test_a_bomb_of_aliases_is_stopped_early():
    text = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)
    )
    begin = time.perf_counter()
    found = read_yaml(text)
    assert time.perf_counter() - begin < 60
    assert found.fault.startswith("it has more than")
    assert found.value["a"] == ["x"] * 9


@pytest.mark.parametrize("text", ["[" * 50_000, "{" * 50_000, "- " * 50_000, "? " * 50_000, "a: " * 50_000])
def test_depth_is_limited(parser, text):
    begin = time.perf_counter()
    assert read_yaml(text).fault
    assert time.perf_counter() - begin < 60


def test_size_is_limited():
    assert read_yaml(b"a: 1\n" * 10, max_bytes=20) == plainyaml.PlainYaml(None, "it is larger than 1.90735e-05 MiB")


def test_what_stands_before_a_fault_is_kept(parser):
    found = read_yaml("lr: 0.1\nlayers: [1, 2]\nbad: [1, 2\nnext: 3}\n")
    assert {name: found.value[name] for name in ("lr", "layers")} == {"lr": 0.1, "layers": [1, 2]}
    assert found.fault
    assert found.line is not None and found.line >= 3


@pytest.mark.parametrize("seed", range(60))
def test_damage_never_raises(seed):
    rng = random.Random(seed)
    data = bytearray(SAMPLE.encode() + b"x: !!python/tuple [1]\ny: &a {z: 1}\nw: *a\n")
    for _ in range(rng.randrange(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    read_yaml(bytes(data[: rng.randrange(len(data))] if seed % 2 else data))


def test_what_pyyaml_writes_comes_back():
    value = {
        "a": [1, 2.5, -1e-8, 1e20, "1e-4x", "yes", "", None, True, math.inf],
        "deep": {"x": {"y": ["z", {"q": "multi\nline: text # no comment"}]}},
        "ключ": "значение 🚀",
    }
    for flow in (None, True, False):
        text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
        assert read_yaml(text).value == value
