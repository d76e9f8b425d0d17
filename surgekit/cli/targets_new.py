"""``surgekit targets new``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from surgekit.errors import ConfigError, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_DOCUMENT = 16 << 20
MOST_RECORDING = 64 << 20
"""Bytes of an OpenAPI document and of a recording. One purchase recorded with all pictures has a tenth of it."""


@click.command("new", short_help="draft a target file")
@click.option("--openapi", metavar="FILE", help="from an OpenAPI 3 or Swagger 2.0 document, YAML or JSON")
@click.option("--har", metavar="FILE", help="from a browser's recording of one purchase (save all as HAR with content)")
@click.option("--out", metavar="FILE", help="write the draft there; an existing file is never overwritten (default: standard output)")
def command(openapi: str | None, har: str | None, out: str | None) -> None:
    """Draft a target file from an OpenAPI document, from a recording, or by questions.

    The draft loads; CHECK stands beside every guess in it, and TODO beside what could not be known. No password, cookie,
    token, phone number or card of a recording is copied into it.
    """
    from surgekit.target import draft

    if openapi is not None and har is not None:
        raise ConfigError("--openapi and --har are two sources; give one of them")
    if out is not None:
        _free(out)
    if openapi is not None:
        text = draft.from_openapi(_read(openapi, MOST_DOCUMENT), openapi)
    elif har is not None:
        text = draft.from_har(_read(har, MOST_RECORDING), har)
    elif asking():
        text = draft.from_answers(_answers())
    else:
        raise ConfigError("surgekit targets new asks questions, and standard input is no terminal; give --openapi FILE or --har FILE")
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with Path(out).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _free(out)
    except OSError as error:
        raise RunError(f"--out {out}: cannot be written: {error.strerror}") from None
    click.echo(f"{out}: {text.count('CHECK:')} guesses to check, {text.count('TODO:')} things to fill in; surgekit targets show {out} checks it", err=True)


def asking() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def _free(out: str) -> None:
    try:
        taken = Path(out).exists()
    except (OSError, ValueError):
        raise ConfigError(f"--out {out}: no file can have this name") from None
    if taken:
        raise ConfigError(f"--out {out}: exists already, and is not overwritten; name another file or remove it")


def _read(name: str, most: int) -> str:
    try:
        with Path(name).open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{name!r}: no file can have this name") from None
    if len(raw) > most:
        raise ConfigError(f"{name}: too large; at most {most >> 20} MB are read (record one purchase only, without films)")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: not UTF-8 text") from None


def _answers() -> Mapping[str, str]:
    from surgekit.target.draft import QUESTIONS

    answers: dict[str, str] = {}
    for question in QUESTIONS:
        while question.asked(answers):
            kind = click.Choice(question.choices) if question.choices else str
            told = str(click.prompt(question.text, default=question.default, type=kind, show_default=bool(question.default), err=True)).strip()
            wrong = question.wrong(told)
            if wrong is None:
                answers[question.key] = told
                break
            click.echo(f"  {wrong}", err=True)
    return answers
