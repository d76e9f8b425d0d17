"""``python -m surgekit.engine.fleet.worker``: one engine, as a worker of Locust's.

The lifeline first, then everything else: Locust patches the interpreter when it is imported, threads included.
"""

import sys

from surgekit import lifeline
from surgekit.engine.fleet.words import Words

if __name__ == "__main__":
    told = Words()
    lifeline.hold(told.line, told.end)
    from surgekit.engine.fleet.working import main

    sys.exit(main(told))
