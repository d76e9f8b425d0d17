// A Vendure shop with the platform's defaults: sessions in cookies, guest checkout, stock tracked, SQLite.
'use strict';
// Before the platform is loaded: it would report its start to its maker, and nothing here may leave loopback.
process.env.VENDURE_DISABLE_TELEMETRY = 'true';
const path = require('node:path');
const { DefaultLogger, LogLevel, dummyPaymentHandler } = require('@vendure/core');

module.exports = ({ home, port, synchronize }) => ({
    apiOptions: { hostname: '127.0.0.1', port, adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
    authOptions: {
        tokenMethod: ['cookie', 'bearer'],
        cookieOptions: { secret: 'a shop on loopback has no secrets' },
        superadminCredentials: { identifier: 'shopkeeper', password: 'keeps-the-shop' },
    },
    dbConnectionOptions: { type: 'better-sqlite3', database: path.join(home, 'shop.sqlite3'), synchronize, logging: false },
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    logger: new DefaultLogger({ level: LogLevel.Warn, timestamp: true }),
});
