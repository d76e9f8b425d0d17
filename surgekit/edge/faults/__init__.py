"""What can be done to a link, a file each.

To add one: write a file with a subclass of ``base.Fault`` that says what it does to the stream, add it to ``AnyFault``
below, and add a test that watches a client through a real link.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from surgekit.edge.config import one_sentence
from surgekit.edge.faults.base import Fault
from surgekit.edge.faults.delay import Delay
from surgekit.edge.faults.refuse import Refuse
from surgekit.errors import ConfigError

AnyFault = Annotated[Delay | Refuse, Field(discriminator="kind")]
_adapter: TypeAdapter[Fault] = TypeAdapter(AnyFault)


def parse(text: bytes) -> Fault:
    """The fault that this JSON object describes. Raises ConfigError with one sentence."""
    try:
        return _adapter.validate_json(text)
    except ValidationError as error:
        raise ConfigError(one_sentence(error)) from error
