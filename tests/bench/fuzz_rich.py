"""A target file that uses every part of the language at once: what a mutation can hit. No platform is like this."""

from __future__ import annotations

TARGET = """\
schema: surgekit.target/1
name: rich
about: everything at once
base_url: http://127.0.0.1:8080
safety:
  consent: "{secret.token}"
  budget: {rate: 5000, orders: 1000000, money_fen: 100000000000, units: 1000000}
  echo: {request: "GET /echo?run={run.id}", path: mark}
  kill_file: /nonexistent/stop
vars: {channel: 7, shop: main, flag: true, nothing: null, share: 0.5}
secrets:
  token: {value: "tk-1"}
  key: {env: FUZZ_KEY}
  word: {file: word.txt}
catalogue:
  - {sku: A-1, name: 游戏点卡, price_fen: 9900, stock: 200, vars: {goods: 11, cat: games}}
  - {sku: B-2, name: Month, price_fen: 1980, supply: supplier, vars: {goods: 12, cat: video}}
  - {sku: "3", price_fen: 1, stock: 0, vars: {goods: 13, cat: "x y"}}
accounts: {csv: accounts.csv, balance_fen: 500}
timeouts: {connect: 1500ms, reply: 8s, keep_alive: 1m}
headers: {Referer: "{target.base_url}/", Accept-Language: zh-CN}
cookies: account
signing:
  epay:
    key: "{secret.key}"
    fields: {from: form, exclude: [sign, sign_type], drop_empty: true}
    text: "{fields}{key}"
    hash: md5
    sign: form sign
    also: {form sign_type: MD5}
    vectors:
      - {key: k, fields: {a: "1", b: ""}, text: "a=1k", sign: 2a3f1ba5ae0bf5f3a5f4a7e5b4f6a1d0}
  hmac:
    key: "{secret.word}"
    key_as: text
    text: "{method}\\n{path}\\n{timestamp}\\n{nonce}\\n{body.sha256}"
    hash: hmac-sha256
    output: base64
    timestamp: {into: header X-Time, unit: "%Y%m%dT%H%M%SZ", timezone: Asia/Shanghai}
    nonce: {into: header X-Nonce, length: 12}
    sign: header Authorization
    prefix: "HMAC {account.account}:"
  query:
    key: "{secret.key}"
    fields: {from: [query], only: [id, qty, time], sort: deep, nested: dot, encode: percent, case: lower, pair: ":", join: "|"}
    text: "{key.md5}{fields}&apikey={key}"
    decode: form
    case: upper
    hash: sha512
    output: HEX
    timestamp: {into: query time, unit: ms, as_text: true}
    sign: query sig
setup:
  when: first_order
  at_once: 4
  steps:
    - request: GET /login
      replies: [{class: ok, css: "input[name=_token]"}]
      extract: {csrf: {field: _token}, home: {url: true, optional: true}}
    - name: login
      request: POST /login
      multipart: {user: "{account.account}", password: "{account.password}", _token: "{csrf}"}
      follow: true
      replies:
        - {class: ok, status: [200, 302], content_type: application/json, path: ok, equals: true}
        - {class: refused, header: X-Error, matches: "."}
      extract: {session: {cookie: sid}, bearer: {header: X-Auth, regex: "^Bearer (.+)$"}}
steps:
  quote:
    request: GET /goods/{product.goods}
    headers: {Referer: "{target.base_url}/c/{product.cat}"}
    replies:
      - {class: sold_out, css: ".stock", matches: "^0$"}
      - {class: ok, matches: "库存[:：]([1-9][0-9]*)"}
  prepare:
    - &get
      request: GET /cart
      query: {sku: "{order.sku}", n: "{order.qty}", deep: {a: [1, "{order.seq}"], b: {c: "{nonce}"}}}
      replies: [{class: ok, css: "form", matches: "(?s)."}]
      extract:
        token: {css: "form input[name=_token]", attr: value}
        codes: {css: "li.code", all: true}
        list: {regex: "code=([a-z0-9]+)", all: true, optional: true}
  captcha: {request: "GET /captcha?{time.ms}", solver: "http://127.0.0.1:9000/solve"}
  submit:
    request: POST /orders
    headers: {X-Forwarded-For: "{buyer.ip}"}
    form:
      sku: "{order.sku}"
      qty: "{order.qty}"
      mail: "{order.key}@example.invalid"
      code: "{captcha}"
      items: [{id: "{product.goods}", tags: [a, "{vars.shop}"]}]
      total: "{order.total_fen|yuan}"
      _token: "{token}"
    sign: epay
    follow: false
    replies:
      - {class: ok, location: "/pay/([0-9]+)$", status: 302}
      - &ok {class: ok, path: code, in: [0, 200, "ok", true, null]}
      - {class: sold_out, path: msg, matches: "不足|sold out"}
      - {class: throttled, status: 429, content_type: text/html}
      - {class: queued, path: 'data["state"]', equals: queued}
      - {class: hidden_error, path: "errors[0].code", equals: 1.5}
      - {class: refused, path: msg, matches: ".+"}
    extract:
      order_no: {json: data.order_no, as: text}
      amount: {json: data.amount, as: yuan, optional: true, default: 0}
      place: {location: true, regex: "/pay/([0-9]+)", optional: true}
      all_ids: {json: "data.items[*].id", optional: true}
  pay:
    balance:
      - request: POST /api/pay/{order_no}
        json: {order: "{order_no}", key: "{order.key|sha256|upper}", n: "{order.qty|int}", nested: {list: [1, 2.5, null, "{{x}}"]}}
        headers: {Authorization: "Bearer {bearer}", X-Req: "{nonce}"}
        sign: hmac
        replies: [*ok, {class: refused, path: code, equals: -1}]
    gateway:
      - request: GET /till
        query: {id: "{order_no}", qty: "{order.qty}"}
        sign: query
        replies: [{class: ok, css: "a.pay"}]
        extract: {money: {field: money}, link: {css: a.pay, attr: href, regex: "(http.*)"}}
      - act: {order_no: "{order_no}", amount: "{money}", type: alipay, notify_url: "{link}"}
  poll:
    request: POST /orders/query
    body: '{{"no": "{order_no}"}}'
    every: 700ms
    most: 40
    backoff: 1.5
    deadline: 1m30s
    replies: [*ok, {class: paid_undelivered, path: msg, matches: 补货}]
    extract:
      status: {json: data.status, as: text}
      cards: {body: true, regex: "card:(.*)", as: lines, optional: true}
admin:
  after: 250ms
  setup:
    - {request: POST /admin/login, form: {user: root, password: "{secret.word}"}, replies: [*ok], extract: {admin_token: token}}
  deliver:
    request: PUT /admin/orders/{order_no}
    json: {cards: ["C-{order.seq}"], token: "{admin_token}"}
    replies: [*ok]
statuses: {paid: [1, paid], delivered: [2, done], refunded: [refunded], failed: [-1, closed]}
reads:
  rate: 20
  setup: [{request: POST /admin/login, json: {p: "{secret.word}"}, replies: [*ok], extract: {jwt: data.token}}]
  stock:
    request: GET /goods/{order.sku}
    headers: {Authorization: "Bearer {jwt}"}
    value: {css: .stock, regex: "([0-9]+|有货|无货)"}
    words: {in_stock: "有货", sold_out: "无货"}
  order:
    request: GET /admin/find?key={order.key}
    rows: data.rows
    columns: {order_no: no, order_key: {name: mail, regex: "^(.+)@"}, status: state, cards: {name: cards, as: lines}}
  ledger:
    sql:
      url: "sqlite:////nonexistent/shop.db"
      query: "SELECT * FROM orders WHERE created_at >= :since"
    timezone: Asia/Shanghai
    columns:
      order_no: no
      order_key: {name: mail, regex: "^(.+)@example"}
      sku: {name: goods_id, as: text}
      qty: {name: n, as: whole}
      status: {name: state, as: text}
      amount_fen: {name: money, as: yuan}
      charges: charges
      refunded_fen: {name: back, as: yuan}
      cards: {name: cards, as: list}
      created_s: {name: created_at, as: time}
edge:
  plays: [gateway]
  order_no: "^(N[0-9]+)"
  supplier: {latency_ms: 30, sigma: 0.5, slots: 8, later_share: 0.1, link_port: 0, key: "{secret.key}", configured_in: here}
  gateway:
    notify_ms: 50
    sigma: 0.1
    retries: [1s, 5s, 1m]
    compress: 10
    duplicates: {share: 0.5, most: 3}
    at_once: 16
    port: 0
    key: "{secret.key}"
    configured_in: there
    notify:
      request: POST {pay.notify_url}
      headers: {X-Trade: "{pay.trade_no}"}
      query: {t: "{pay.time}"}
      form: {out_trade_no: "{pay.order_no}", money: "{pay.amount}", type: "{pay.type}", pid: "{vars.channel}"}
      sign: epay
      ack: "^(success|ok)$"
"""

PROFILE = """\
schema: surgekit.profile/1
name: rich
about: everything at once
seed: 7
phases:
  - {name: low, duration: 5s, rate: 2}
  - {name: up, duration: 1m, rate: {from: 2, to: 40, curve: exponential}}
  - {name: down, duration: 10s, rate: {from: 40, to: 0.5, curve: linear}}
orders: 1000
products:
  shares: {1: 5, 2: 2.5}
  qty: {1: 0.9, 10: 0.1}
  stock: {1: 600}
buyers:
  classes:
    retail: {share: 0.8, pay: gateway, double_click: 0.5}
    reseller: {share: 0.2, pay: balance, qty: {5: 1, 50: 2}}
  accounts: 800
  locale: en_US
  browse: 0.3
  double_click: 0.01
  patience: 20s
  poll_every: 700ms
  retry: {most: 2, after: 500ms}
  think: {quote: 400ms, pay: 1s}
limits: {confirm: 3s, late_share: 0.05, error_share: 0.1, oversold: 0, window: 5s}
faults:
  - supplier-slow@10s+20s
  - {fault: supplier-refuse, start: 30s, length: 10s, intensity: 0.5}
in_flight: 2000
settle: 2s
"""

ACCOUNTS = "account,password\nann,one\nbob,two\n"
