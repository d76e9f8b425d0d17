"""``python -m tests.bench NAME [--quick] [--json]``: measure a claim, and print a table or JSON.

A bench is a module of this folder with ``run(quick) -> dict`` and ``table(result) -> str``.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import sys
from pathlib import Path


def names() -> list[str]:
    """The benches: modules that define both functions. Read, not imported, since some of them import half a world."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        functions = {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}
        if functions >= {"run", "table"}:
            found.append(path.stem.replace("_", "-"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure a claim of SurgeKit.")
    parser.add_argument("name", choices=names())
    parser.add_argument("--quick", action="store_true", help="a smaller sample, in well under a minute")
    parser.add_argument("--json", action="store_true", help="the figures, for machines")
    asked = parser.parse_args()
    bench = importlib.import_module(f"tests.bench.{asked.name.replace('-', '_')}")
    result = bench.run(asked.quick)
    print(json.dumps(result, indent=2, ensure_ascii=False) if asked.json else bench.table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
