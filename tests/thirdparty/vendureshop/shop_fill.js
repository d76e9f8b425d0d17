// node shop_fill.js HOME: an empty database becomes a shop with cards to sell. The cards come as JSON in SHOP_CARDS:
// [{"sku", "title", "price" (as text, major units), "stock"}...]; they get the variant ids 1, 2, 3... in that order.
'use strict';
const config = require('./shop_config');
const fs = require('node:fs');
const path = require('node:path');
const { bootstrap } = require('@vendure/core');
const { populate } = require('@vendure/core/cli');

const home = process.argv[2];
const data = {
    defaultLanguage: 'en',
    defaultZone: 'Asia',
    countries: [{ name: 'China', code: 'CN', zone: 'Asia' }],
    taxRates: [{ name: 'Standard', percentage: 0 }],
    shippingMethods: [{ name: 'By e-mail', price: 0 }],
    paymentMethods: [
        { name: 'Dummy', handler: { code: 'dummy-payment-handler', arguments: [{ name: 'automaticSettle', value: 'true' }] } },
    ],
    collections: [],
};
const head = 'name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,stockOnHand,trackInventory,variantAssets,variantFacets';
const lines = JSON.parse(process.env.SHOP_CARDS).map(
    card => `${card.title},${card.sku},,,,,,${card.sku},${card.price},standard,${card.stock},true,,`,
);

(async () => {
    const csv = path.join(home, 'cards.csv');
    fs.writeFileSync(csv, [head, ...lines].join('\n') + '\n');
    const app = await populate(() => bootstrap(config({ home, port: 0, synchronize: true })), data, csv);
    await app.close();
    process.exit(0);
})().catch(error => {
    console.error(error);
    process.exit(1);
});
