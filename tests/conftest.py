"""Its being here puts ``tests/`` on the path, so that the tests of several packages can share ``run_story``."""
