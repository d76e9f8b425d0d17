"""``python -m surgekit.engine.fleet.master RUN``: Locust's master, to whom the controller speaks as to one engine.

The lifeline first, then everything else: Locust patches the interpreter when it is imported, threads included.
"""

import sys

from surgekit import lifeline
from surgekit.engine.fleet.words import Words

if __name__ == "__main__":
    told = Words()
    lifeline.hold(told.line)
    from surgekit.engine.fleet.mastering import main

    sys.exit(main(told))
