"""Signing requests, and checking signed ones, as a target file's dialects say.

    parts ─▶ + timestamp, nonce ─▶ text ─▶ hash ─▶ + signature ─▶ parts, headers

What ``Parts.body_bytes()`` and ``Parts.query_text()`` of the result give is what was signed, so that is what is sent.
No clock and no randomness in here: the caller gives both.
"""

from surgekit.target.signing.forms import parse_form, render_form, render_json
from surgekit.target.signing.schema import Dialect
from surgekit.target.signing.signer import Signed, Signer
from surgekit.target.signing.text import Parts
from surgekit.target.signing.vectors import VectorResult, check_vectors

__all__ = [
    "Dialect",
    "Parts",
    "Signed",
    "Signer",
    "VectorResult",
    "check_vectors",
    "parse_form",
    "render_form",
    "render_json",
]
