// node shop_serve.js HOME PORT: the shop on 127.0.0.1, until standard input ends.
'use strict';
const config = require('./shop_config');
const { bootstrap } = require('@vendure/core');

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
bootstrap(config({ home: process.argv[2], port: Number(process.argv[3]), synchronize: false })).catch(error => {
    console.error(error);
    process.exit(1);
});
