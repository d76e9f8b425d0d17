"""The guide to target files: what it shows can be loaded, and its vectors agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from surgekit import yamlfile
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Target
from surgekit.target.signing import check_vectors
from surgekit.target.step import KNOWN, STAMPS
from surgekit.target.template import FILTERS

TEXT = (Path(__file__).resolve().parents[2] / "targets" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
SECRETS = {"secrets": {"epay_key": {"env": "A"}, "db": {"env": "B"}, "consent": {"env": "C"}}}


def together(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: together(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key)) for key in [*one, *other]}
    return other


def loaded(*blocks: str) -> Target:
    data: Any = SECRETS
    for block in blocks:
        data = together(data, yaml.safe_load(block))
    target = yamlfile.parse(json.dumps(data), Target, name="README")
    compile_plan(target)
    return target


def test_the_smallest_file_is_a_whole_one() -> None:
    target = yamlfile.parse(BLOCKS[0], Target, name="README")
    compile_plan(target)
    assert target.skus == ["12"]


@pytest.mark.parametrize("block", BLOCKS[1:], ids=[block.partition(":")[0].strip() for block in BLOCKS[1:]])
def test_each_further_part_fits_to_it(block: str) -> None:
    loaded(BLOCKS[0], *(each for each in BLOCKS[1:] if each.startswith("signing")), block)


def test_its_vectors_agree() -> None:
    results = [result for name, dialect in loaded(BLOCKS[0], *(each for each in BLOCKS[1:] if each.startswith("signing"))).signing.items() for result in check_vectors(name, dialect)]
    assert results
    assert all(result.ok for result in results), results


def test_every_name_and_filter_is_in_it() -> None:
    told = set(re.findall(r"`([a-z0-9_.|]+)`", TEXT))
    assert told >= KNOWN
    assert told >= STAMPS
    assert told >= set(FILTERS)
