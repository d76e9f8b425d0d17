"""``python -m surgekit.engine``: the lifeline first, then everything else.

Locust patches the interpreter when it is imported, threads included. The lifeline has to be a thread of the operating
system that no greenlet can starve, so it is started before.
"""

import sys

from surgekit import lifeline
from surgekit.engine.commands import Commands

if __name__ == "__main__":
    commands = Commands()
    lifeline.hold(commands.line)
    from surgekit.engine.process import main

    sys.exit(main(commands))
