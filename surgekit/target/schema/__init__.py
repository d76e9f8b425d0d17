"""The target file, part by part.

    words          types that the other parts share
    steps          requests, replies, what is kept of them
    reads          stock, ledger and single orders
    surroundings   how the platform is started; supplier and gateway stand-ins
    shop           the file as a whole
"""

from surgekit.target.schema.reads import (
    Column,
    LedgerRead,
    OrderRead,
    Reads,
    Sql,
    StockRead,
    StockWords,
    order_columns,
)
from surgekit.target.schema.shop import (
    Accounts,
    Budget,
    Echo,
    LocustUser,
    Product,
    Safety,
    Secret,
    Statuses,
    Target,
    Timeouts,
)
from surgekit.target.schema.steps import Act, Admin, Captcha, Extract, Poll, ReplyRule, Setup, Step, Steps
from surgekit.target.schema.surroundings import (
    CardshopStart,
    Duplicates,
    Edge,
    GatewayStandIn,
    Notice,
    Start,
    SupplierStandIn,
)

__all__ = [
    "Accounts", "Act", "Admin", "Budget", "Captcha", "CardshopStart", "Column", "Duplicates", "Echo", "Edge", "Extract", "GatewayStandIn",
    "LedgerRead", "LocustUser", "Notice", "OrderRead", "Poll", "Product", "Reads", "ReplyRule", "Safety", "Secret", "Setup", "Sql", "Start",
    "Statuses", "Step", "Steps", "StockRead", "StockWords", "SupplierStandIn", "Target", "Timeouts", "order_columns",
]  # fmt: skip
