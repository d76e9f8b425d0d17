"""Loads a draft as a user's file is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from draft_recordings import Loaded

from surgekit import target
from surgekit.target import Target


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    def load(text: str) -> Target:
        path = tmp_path / "draft.yaml"
        path.write_text(text, encoding="utf-8")
        return target.load(str(path))

    return load
