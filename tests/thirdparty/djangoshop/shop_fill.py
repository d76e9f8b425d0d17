"""``python shop_fill.py``: an empty database becomes a shop with cards to sell. The cards come as JSON in ``SHOP_CARDS``:
``[{"sku", "title", "price" (as text, in yuan), "stock"}…]``, and get the product ids 1, 2, 3… in that order."""

import json
import os

import django
from django.core.management import call_command


def fill() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")
    django.setup()
    call_command("migrate", verbosity=0)

    from oscar.apps.address.models import Country
    from oscar.apps.catalogue.models import Category, Product, ProductClass
    from oscar.apps.partner.models import Partner, StockRecord

    Country.objects.create(iso_3166_1_a2="CN", iso_3166_1_a3="CHN", name="China", printable_name="China", is_shipping_country=True)
    kind = ProductClass.objects.create(name="Card", requires_shipping=False, track_stock=True)
    shelf = Category.add_root(name="Cards")
    partner = Partner.objects.create(name="Stock")
    for number, card in enumerate(json.loads(os.environ["SHOP_CARDS"]), 1):
        product = Product.objects.create(id=number, upc=card["sku"], title=card["title"], product_class=kind)
        product.categories.add(shelf)
        StockRecord.objects.create(
            product=product, partner=partner, partner_sku=card["sku"], price=card["price"], num_in_stock=card["stock"]
        )


if __name__ == "__main__":
    fill()
