"""``python -m tests.thirdparty.setup [oscar|vendure]``: install the third-party shops that the tests in group
``thirdparty`` run against. It needs the package registries, Node.js for Vendure, and a C++ compiler for its database driver.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys

from .shop import Missing, cache

PLATFORMS = ("oscar", "vendure")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.thirdparty.setup", description="Install third-party shops to test against.")
    parser.add_argument("platform", nargs="*", choices=[*PLATFORMS, []], help="all of them if none is named")
    parser.add_argument("--missing", action="store_true", help="leave alone what is set up already")
    asked = parser.parse_args()
    for name in asked.platform or PLATFORMS:
        module = importlib.import_module(f"{__package__}.{name}")
        if asked.missing and module.is_set_up():
            print(f"{name}: set up already in {cache() / name}")
            continue
        print(f"{name}: setting up in {cache() / name}", flush=True)
        try:
            module.set_up()
        except (subprocess.CalledProcessError, Missing) as error:
            sys.exit(f"{name}: not set up: {error}")
        print(f"{name}: ready")


if __name__ == "__main__":
    main()
