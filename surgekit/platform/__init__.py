"""The control plane: is the platform there, and what does it say of its stock and its orders? Reads only.

    Platform      everything below, for one target                               reads.py
    Session       logs in where reads need that; fills holes, checks replies     session.py
    Client        bounded HTTP to the addresses that were checked                client.py, pinned.py
    stock         figures, or words, of each product                             stock.py
    ledger        the platform's own orders, by HTTP or from its database        ledger_http.py, sql.py, database.py
    single orders where there is no ledger: each order that nobody knows of      orders.py
    columns       the platform's names and forms as the audit's                  columns.py, times.py
    doubt         error pages that look like nothing, times of another zone      verdict.py, ours.py
"""

from surgekit.platform.reads import Platform

__all__ = ["Platform"]
