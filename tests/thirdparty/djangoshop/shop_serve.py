"""``python shop_serve.py PORT THREADS``: the shop behind waitress on 127.0.0.1, until standard input ends."""

import os
import sys
import threading

from django.core.wsgi import get_wsgi_application
from waitress import serve


def watch() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")
    threading.Thread(target=watch, daemon=True).start()
    serve(get_wsgi_application(), host="127.0.0.1", port=int(sys.argv[1]), threads=int(sys.argv[2]), connection_limit=1000)
