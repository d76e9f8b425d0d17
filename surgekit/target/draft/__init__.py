"""Drafts of target files: from an OpenAPI document, from a browser's recording, or from answers to questions.

A draft always loads. Each guess in it has ``# CHECK:`` beside it, and what could not be known ``# TODO:``.
"""

from surgekit.target.draft.har import from_har
from surgekit.target.draft.openapi import from_openapi
from surgekit.target.draft.questions import QUESTIONS, Question, from_answers

__all__ = ["QUESTIONS", "Question", "from_answers", "from_har", "from_openapi"]
