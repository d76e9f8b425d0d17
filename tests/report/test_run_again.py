"""The command that the report prints can be run as it stands."""

from __future__ import annotations

import pytest

from surgekit.report.page.tables import again


@pytest.mark.parametrize(
    "given",
    ["surgekit blast --out runs/x --profile 'my profile.yaml' --seed 4", "surgekit blast --out=runs/x --profile 'my profile.yaml' --seed 4",
     "surgekit blast --profile 'my profile.yaml' --seed 4 --out '--odd name'", "surgekit blast --profile 'my profile.yaml' --seed 4"],
)  # fmt: skip
def test_the_folder_that_is_taken_by_now_is_left_out(given: str) -> None:
    assert again(given) == "surgekit blast --profile 'my profile.yaml' --seed 4"


def test_what_is_no_command_line_stays_as_it_is() -> None:
    assert again("surgekit blast --out 'half") == "surgekit blast --out 'half"
