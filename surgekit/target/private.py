"""What belongs to a target and goes into no artifact: secrets, and the rows of its accounts file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path

from surgekit.errors import ConfigError
from surgekit.target import literals, template
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Target
from surgekit.target.schema.words import Scalar

ENV = "SURGEKIT_SECRETS"
"""How a run tells its own processes the secrets: not by their command lines, which everybody can read."""
MOST_BYTES = 64 << 20
MOST_ROWS = 1_000_000
MOST_SECRET = 64 << 10


def secrets(target: Target, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Name → value of every secret of ``target``, and of the keys that it has as they are, under names as ``hidden`` gives them.

    Raises ``ConfigError`` that names the variable or file that is missing.
    """
    told: dict[str, str] = {}
    for name, secret in target.secrets.items():
        where = f"target {target.name}: secrets.{name}"
        if secret.env is not None:
            if not environ.get(secret.env):
                raise ConfigError(f"{where}: the environment variable {secret.env} is not set; set it before the run")
            told[name] = environ[secret.env]
        elif secret.file is not None:
            told[name] = _first_line(Path(secret.file), where)
        else:
            told[name] = secret.value or ""
    return told | literals.lifted(target).secrets


def hidden(target: Target) -> Target:
    """``target`` as it goes into ``run.json``: with the places of its secrets, and with no secret. Test vectors have keys in them.

    A key that stands in the file as it is has become a secret; of a database's address, the password is left out. So engines can work
    from it, who are told the secrets apart, and nobody can log in with it.
    """
    target = literals.without_passwords(literals.lifted(target).target)
    secret = {name: each if each.value is None else each.model_copy(update={"value": literals.HIDDEN}) for name, each in target.secrets.items()}
    consent = target.safety.consent
    safety = target.safety.model_copy(update={"consent": literals.HIDDEN if consent and "{" not in consent else consent})
    changed: dict[str, object] = {"secrets": secret}
    if consent:
        changed["safety"] = safety
    if any(dialect.vectors for dialect in target.signing.values()):
        changed["signing"] = {name: dialect.model_copy(update={"vectors": []}) for name, dialect in target.signing.items()}
    return target.model_copy(update=changed)


MOST_ENV = 120_000


def names(target: Target, told: Mapping[str, str]) -> dict[str, object]:
    """``secret.…`` and ``vars.…`` as templates want them, without the vars that differ from order to order."""
    return {**{f"secret.{name}": value for name, value in told.items()}, **{f"vars.{name}": value for name, value in plain_vars(target).items()}}


def plain_vars(target: Target) -> dict[str, Scalar]:
    """The vars of ``target`` that are the same for every order."""
    return {name: value for name, value in target.vars.items() if not template.has_holes(value)}


def filled(text: str | None, known: Mapping[str, object], where: str) -> str | None:
    """``text`` with its holes filled, as of a key or a token. Raises ``ConfigError`` for a hole that nothing fills."""
    if text is None:
        return None
    made = template.text_template(text, where)
    for word in sorted(made.names - set(known)):
        raise ConfigError(f"{where}: nothing gives {{{word}}} here; known: {', '.join(sorted(known)) or 'none'}")
    return made.render(known).decode()


def to_env(told: Mapping[str, str]) -> dict[str, str]:
    """The environment by which a child learns the secrets. Raises ``ConfigError`` for more than an environment takes."""
    text = json.dumps(dict(told))
    if len(text) > MOST_ENV:
        raise ConfigError(f"secrets: {len(text):,} characters together; {MOST_ENV:,} are what a process can be told")
    return {ENV: text}


def from_env(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What ``to_env`` told."""
    told = json.loads(environ.get(ENV) or "{}")
    return {str(name): str(value) for name, value in told.items()}


def accounts(target: Target) -> list[dict[str, str]] | None:
    """The rows of the accounts file as column → text; None where the target has none. Raises ``ConfigError``."""
    if target.accounts.csv is None:
        return None
    path = Path(target.accounts.csv)
    try:
        if "\0" in str(path) or not path.is_file():
            raise ConfigError(f"{str(path)!r}: no such file; accounts.csv of target {target.name} names it")
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: too large; a file of accounts has at most {MOST_BYTES:,} bytes")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = [name.strip() for name in reader.fieldnames or []]
            if not header or len(set(header)) != len(header) or "" in header:
                raise ConfigError(f"{path}:1: the first line names the columns, each once, such as account,password")
            reader.fieldnames = header
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise ConfigError(f"{path}:{reader.line_num}: {len(header)} columns are wanted, as the first line has them")
                rows.append(row)
                if len(rows) > MOST_ROWS:
                    raise ConfigError(f"{path}: more than {MOST_ROWS:,} accounts")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; accounts.csv of target {target.name} names it") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not a CSV file in UTF-8: {error}") from None
    if not rows:
        raise ConfigError(f"{path}: no account in it; write a line for each below the names of the columns")
    _check_columns(target, path, header)
    return rows


def _check_columns(target: Target, path: Path, header: list[str]) -> None:
    """Every ``{account.…}`` that a step uses is a column."""
    plan = compile_plan(target)
    steps = [*plan.setup, plan.quote, *plan.prepare, plan.submit, *(step for way in plan.pay.values() for step in way), plan.poll]
    for step in steps:
        for word in sorted(step.needs if step is not None else ()):
            column = word.removeprefix("account.")
            if column != word and column not in header:
                raise ConfigError(f"{path}:1: no column {column!r}, and target {target.name} uses {{{word}}}; there are {', '.join(header)}")


def _first_line(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            line = file.read(MOST_SECRET).decode("utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{where}: {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: {path}: not UTF-8 text") from None
    except ValueError:
        raise ConfigError(f"{where}: {str(path)!r} cannot be the name of a file") from None
    if not line or not line[0].strip():
        raise ConfigError(f"{where}: {path}: its first line is empty; the secret belongs there")
    return line[0].strip()
