"""Test vectors of a dialect: requests whose signatures are known."""

from __future__ import annotations

from dataclasses import dataclass

from surgekit.errors import ConfigError
from surgekit.target.signing.schema import Dialect, Vector
from surgekit.target.signing.signer import HIDDEN, Signer
from surgekit.target.signing.text import Parts


@dataclass(frozen=True, slots=True)
class VectorResult:
    """What became of one vector. ``text`` is what was hashed, its key hidden; ``wrong`` is a sentence, or None."""

    number: int
    text: str
    signature: str
    wrong: str | None

    @property
    def ok(self) -> bool:
        return self.wrong is None


def check_vectors(name: str, dialect: Dialect, where: str | None = None) -> list[VectorResult]:
    """Sign each vector of the dialect. Raises ``ConfigError`` where the dialect itself is wrong.

    ``where`` stands before the field in messages; left out, it is ``signing.NAME``.
    """
    where = where or f"signing.{name}"
    Signer(name, dialect, where)
    alone = dialect.model_copy(update={"vectors": []})
    return [
        _checked(name, alone, vector, number, f"{where}.vectors[{number}]")
        for number, vector in enumerate(dialect.vectors)
    ]


def _checked(name: str, dialect: Dialect, vector: Vector, number: int, where: str) -> VectorResult:
    signer = Signer(name, dialect, where)
    parts = _parts(vector, dialect)
    stamp, nonce = signer.carried(parts)
    if vector.timestamp is not None or vector.at is not None:
        stamp = vector.timestamp if vector.at is None else signer.stamped(vector.at)
    nonce = nonce if vector.nonce is None else vector.nonce
    try:
        key = signer.key(vector.values) if vector.key is None else vector.key.encode(errors="replace")
        parts, _ = signer.prepared(parts, stamp, nonce)
        text = signer.canonical(parts, vector.values, key, stamp, nonce)
        hidden = signer.canonical(parts, vector.values, HIDDEN, stamp, nonce).decode(errors="replace")
        signature = signer.signature(text, key)
        prefix = signer.prefix(vector.values) if vector.sign is not None else ""
    except ConfigError as error:
        return VectorResult(number, "", "", str(error))
    except ValueError as error:  # a number of thousands of digits, say
        return VectorResult(number, "", "", f"{where}: {error}")
    except KeyError as error:
        return VectorResult(number, "", "", f"{where}.values: {error.args[0]} is missing")
    wrong = None
    if vector.text is not None and text != vector.text.encode(errors="replace"):
        wrong = f"{where}.text: the dialect signs {hidden!r}, the vector says otherwise"
    elif vector.sign is not None and vector.sign not in (signature, prefix + signature):
        wrong = f"{where}.sign: the dialect gives {signature}, the vector says {vector.sign}; signed is {hidden!r}"
    return VectorResult(number, hidden, signature, wrong)


def _parts(vector: Vector, dialect: Dialect) -> Parts:
    """The vector's request; its fields go where the dialect takes its own from."""
    given = {"query": vector.query, "form": None, "json": None}
    if dialect.fields is not None and vector.fields:
        source = dialect.fields.sources[0]
        given[source] = {**(given[source] or {}), **vector.fields}
    body = None if vector.body is None else vector.body.encode(errors="replace")
    return Parts(vector.method, vector.path, vector.host, given["query"] or {}, given["form"], given["json"], body)
