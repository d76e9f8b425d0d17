"""The reference platform: a real little card shop in a process of its own.

``python -m surgekit.cardshop --help`` lists its options. Nothing in it imitates load: what breaks under a surge are
its thread pool, its connection pool, its database and its stock strategy. Read ``stock.py`` first.
"""
