"""``python -m surgekit`` is ``surgekit``."""

from surgekit.cli import main

main()
