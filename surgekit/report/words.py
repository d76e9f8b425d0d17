"""Every phrase that a report shows, in English and Chinese, side by side so that neither falls behind.

Keys are ``group.name``. Names in ``{braces}`` are filled in by :func:`phrase`. Chinese uses the trade's own words:
超卖 (oversell), 掉单 (paid, no card), 卡密 (card code), 供货商 (supplier), 支付回调 (payment callback).
"""

from __future__ import annotations

from typing import Final, Literal

Lang = Literal["en", "zh"]

PHRASES: Final[dict[str, tuple[str, str]]] = {
    # -- what is judged, and the words of judgement
    "measure.confirm_latency": ("confirmation latency", "确认延迟"),
    "measure.oversell": ("oversell", "超卖"),
    "measure.error_rate": ("error rate", "错误率"),
    "verdict.broke": ("broke", "失守"),
    "verdict.held": ("held", "守住"),
    "verdict.undecided": ("undecided", "无法判定"),
    "verdict.violated": ("violated", "违反"),
    "verdict.valid": ("valid", "有效"),
    "verdict.void": ("void", "作废"),
    "verdict.passed": ("passed", "通过"),
    "verdict.failed": ("failed", "未通过"),
    "verdict.inconclusive": ("inconclusive", "无结论"),
    "recovery.recovered": ("recovered", "已恢复"),
    "recovery.draining": ("draining", "仍在消化积压"),
    "recovery.metastable": ("metastable", "亚稳态（压力退去仍未恢复）"),
    "recovery.inconclusive": ("inconclusive", "无结论"),
    # -- where the time of an order goes
    "station.client": ("buyer's client", "买家端"),
    "station.submit": ("submit", "下单"),
    "station.pay": ("pay", "支付"),
    "station.callback": ("payment callback", "支付回调"),
    "station.supplier": ("supplier", "供货商"),
    "station.gateway": ("payment gateway", "支付网关"),
    "station.platform": ("platform", "平台自身"),
    "station.engine": ("load generator", "发压端"),
    "station.edge": ("stand-ins", "模拟供货商与网关"),
    # -- column headings
    "column.what": ("what", "指标"),
    "column.verdict": ("verdict", "判定"),
    "column.at_rate": ("at orders/s", "订单/秒"),
    "column.at_time": ("at time", "时刻"),
    "column.phase": ("phase", "阶段"),
    "column.limit": ("limit", "上限"),
    "column.observed": ("observed", "实测"),
    "column.why": ("why", "原因"),
    "column.try_next": ("try next", "下一步"),
    "column.invariant": ("invariant", "不变量"),
    "column.evidence": ("evidence", "证据数"),
    "column.violations": ("violations", "违反数"),
    "column.examples": ("examples", "例子"),
    "column.orders": ("orders", "订单数"),
    "column.share": ("of scheduled", "占计划"),
    "column.fate": ("outcome", "去向"),
    "column.step": ("step", "环节"),
    "column.before": ("before", "之前"),
    "column.during": ("during", "期间"),
    "column.factor": ("factor", "倍数"),
    "column.fault": ("fault", "故障"),
    "column.edge": ("link", "链路"),
    "column.start": ("from", "开始"),
    "column.end": ("to", "结束"),
    "column.injected": ("injected", "已注入"),
    "column.healed": ("healed", "已撤除"),
    "column.latency": ("from submit to", "从下单到"),
    "column.gate": ("gate", "门槛"),
    "column.offered_peak": ("offered, peak /s", "计划峰值/秒"),
    "column.confirmed_peak": ("confirmed, peak /s", "确认峰值/秒"),
    "column.p99_worst": ("worst p99", "最差 p99"),
    "column.error_worst": ("worst error share", "最高错误占比"),
    "column.oversold_more": ("oversold in it", "其间超卖"),
    # -- the audit's invariants, one line each
    "invariant.card_sold_once": (
        "No card code went to more orders than it was stocked for.",
        "同一张卡密只发给一个订单（循环卡按设定次数）。",
    ),
    "invariant.card_is_real": (
        "Every delivered code was stocked or came from the supplier: no made-up text in place of a card.",
        "发出的每条卡密都来自库存或供货商，没有凭空出现的内容，也没有用致歉文字充当卡密。",
    ),
    "invariant.sold_within_stock": (
        "No more units were delivered than were in stock.",
        "发出的数量不超过库存（初始 + 补货 − 下架）。",
    ),
    "invariant.delivery_complete": (
        "A completed order holds exactly the number of cards it asked for, and the same ones at every read.",
        "已完成订单的卡密数量与购买数量一致，每次查询看到的都是同一批。",
    ),
    "invariant.paid_is_settled": (
        "Every paid order ended with cards or a refund: never both, never neither.",
        "付了款的订单要么发卡、要么退款：不能都有，也不能都没有（掉单）。",
    ),
    "invariant.charged_once": (
        "One purchase by a buyer made one order and one charge, at the quoted price.",
        "买家一次购买只生成一个订单、只扣一次款，金额与报价一致。",
    ),
    "invariant.purchased_once": (
        "Each order line was bought from the supplier at most once.",
        "每个订单向供货商最多采购一次，没有重复采购。",
    ),
    "invariant.callback_idempotent": (
        "Repeated callbacks acted as one, and each was acknowledged.",
        "同一回调重复多次只生效一次，并且每次都应答成功。",
    ),
    "invariant.refund_conserved": (
        "Refunds never exceeded payments, and none was made while the supplier's answer was unknown.",
        "退款不超过付款；未付款的订单不退款；供货商结果未明时不退款。",
    ),
    "invariant.balance_conserved": (
        "Balance = start + top-ups + refunds − charges, and never below zero without credit.",
        "余额 = 期初 + 充值 + 退款 − 扣款；没有授信时余额不为负。",
    ),
    "invariant.status_forward": (
        "An order's status only moved along the steps the target declares.",
        "订单状态只沿目标声明的流程前进，不倒退。",
    ),
    "invariant.stock_conserved": (
        "Initial + restocked = unsold + reserved + sold + void: no card was lost or invented.",
        "初始 + 补货 = 未售 + 预占 + 已售 + 作废：卡密不多也不少。",
    ),
    "invariant.reservation_returns": (
        "Stock held by expired orders could be sold again.",
        "过期订单占用的库存已释放，可以再卖。",
    ),
    # -- the fate of an order
    "order.scheduled": ("scheduled", "计划"),
    "order.sent": ("sent", "已发出"),
    "order.accepted": ("accepted", "已受理"),
    "order.confirmed": ("confirmed", "已确认"),
    "order.rejected": ("rejected", "被拒"),
    "order.failed": ("failed", "失败"),
    "order.unknown": ("unknown", "结果未明"),
    "order.scheduled.says": ("buyers that the profile sends", "负载画像安排的买家"),
    "order.sent.says": ("left the load generator", "发压端已发出请求"),
    "order.accepted.says": ("the platform took the order", "平台已生成订单"),
    "order.confirmed.says": ("the buyer saw the card", "买家看到了卡密"),
    "order.rejected.says": (
        "refused by design: sold out, busy or balance too low; some after they had been accepted",
        "按规则拒绝：售罄、繁忙或余额不足；其中有些先前已受理",
    ),
    "order.failed.says": (
        "no card: an error without effect, or the platform ended the order; what it kept of the money, the audit tells",
        "没有拿到卡密：出错且未产生影响，或平台已结束订单；钱款去向见审计",
    ),
    "order.unknown.says": (
        "no clear answer: the order may exist and may be charged",
        "没有明确答复：订单可能存在，也可能已扣款",
    ),
    "latency.accept": ("accepted", "受理"),
    "latency.paid": ("paid", "支付完成"),
    "latency.confirm": ("card visible (confirmed)", "看到卡密（确认）"),
    # -- numbers and times
    "unit.orders_s": ("orders/s", "单/秒"),
    "unit.cards": ("cards", "张"),
    "unit.units": ("units", "件"),
    "unit.orders": ("orders", "单"),
    "time.s": ("{s} s", "{s} 秒"),
    "time.ms": ("{ms} ms", "{ms} 毫秒"),
    "time.min": ("{m} min {s} s", "{m} 分 {s} 秒"),
    "word.yes": ("yes", "是"),
    "word.no": ("NO", "否"),
    "word.later": ("later than watched", "超出观察时长"),
    "word.between": ("between {lo} and {hi}", "区间 {lo} 至 {hi}"),
    "word.at_least": ("at least {lo}", "至少 {lo}"),
    "word.at_most": ("at most {hi}", "至多 {hi}"),
    "word.up_to": ("up to {rate}", "最高到 {rate}"),
    "word.more": ("and {n} more", "另有 {n} 条"),
    "word.in_phase": ("{time}, in phase “{phase}”", "{time}，「{phase}」阶段"),
    "word.colon": ("{name}: {value}", "{name}：{value}"),
    # -- the headline, when the run did not write one
    "headline.void": ("This run is void: its numbers prove nothing.", "本次运行作废：数据不能作为依据。"),
    "headline.part": ("{measure} {verdict}", "{measure}{verdict}"),
    "headline.part_at": ("{measure} {verdict} at {rate} orders/s", "{measure}在 {rate} 单/秒时{verdict}"),
    "headline.join": ("; ", "；"),
    "headline.none": ("Nothing was measured, so nothing was decided.", "没有测到数据，无法得出结论。"),
    # -- the page
    "page.title": ("Surge report: {profile} on {target}", "冲击测试报告：{profile} → {target}"),
    "page.kind": ("surge report", "冲击测试报告"),
    "page.void": ("VOID: do not rely on this run", "本次运行作废，结果不可采信"),
    "page.void_why": ("Why it is void", "作废原因"),
    "page.void_no_reason": ("The run gave no reason.", "运行没有写明原因。"),
    "page.void_card": ("from a void run", "来自作废的运行"),
    "page.valid": (
        "The run is valid: the load was sent on time, so the numbers below can be relied on.",
        "本次运行有效：负载按计划准时发出，以下数据可信。",
    ),
    "page.validity_unknown": ("The run does not say whether it is valid.", "运行没有说明自身是否有效。"),
    "page.verdicts": ("Verdict by measure", "各项判定"),
    "page.when": ("when", "时刻"),
    "page.charts": ("The run, second by second", "逐秒过程"),
    "page.charts_hint": (
        "All charts share one time axis. Drag to zoom, double-click to reset.",
        "各图共用同一时间轴。拖动可放大，双击还原。",
    ),
    "page.charts_thinned": (
        "Each point covers {n} s: rates are means, everything else is the worst second.",
        "每个点代表 {n} 秒：速率取均值，其余取最差的一秒。",
    ),
    "page.no_script": (
        "The charts need JavaScript. The table by phase below shows the same run in numbers.",
        "图表需要 JavaScript。下面的分阶段表格给出同一次运行的数字。",
    ),
    "page.no_series": (
        "The run ended before a series was recorded: no charts.",
        "运行在记录数据之前就结束了，没有图表。",
    ),
    "page.by_phase": ("By phase", "分阶段"),
    "page.audit": ("Audit of the orders", "订单审计"),
    "page.audit_hint": (
        "Violated only where no reading of the unclear outcomes explains what was seen; held only with evidence.",
        "只有当未明结果的任何一种解释都说不通时才判「违反」；只有存在证据时才判「守住」。",
    ),
    "page.audit_none": ("The audit did not run.", "没有进行审计。"),
    "page.orders": ("What became of the orders", "订单去向"),
    "page.latency": ("Latency", "延迟"),
    "page.latency_hint": (
        "Counted from the moment the buyer was due. Orders that never finished count as late, they are not left out. "
        "“{later}” means: later than any order was watched.",
        "从买家应到的时刻算起。未完成的订单按迟到计入，不会被剔除。「{later}」表示比任何订单的观察时长都晚。",
    ),
    "page.hops": ("Where the time went: {measure}", "时间花在哪里：{measure}"),
    "page.hops_hint": (
        "Typical time at each step, before and during the break.",
        "各环节在失守前与失守期间的典型耗时。",
    ),
    "page.recovery": ("Recovery", "恢复"),
    "page.recovery.recovered": (
        "The platform was back to normal {time} after the peak.",
        "高峰过后 {time} 恢复正常。",
    ),
    "page.recovery.recovered_untimed": ("The platform went back to normal.", "平台已恢复正常。"),
    "page.recovery.draining": (
        "The backlog was shrinking, but not yet gone when the run ended.",
        "积压在减少，但到运行结束时尚未清空。",
    ),
    "page.recovery.metastable": (
        "The load went away and the platform stayed bad: it does not recover by itself.",
        "压力已退去，平台仍不正常：不会自行恢复。",
    ),
    "page.recovery.inconclusive": ("The run does not show whether it recovers.", "本次运行看不出能否恢复。"),
    "page.faults": ("Faults injected", "注入的故障"),
    "page.faults_none": ("No fault was injected.", "没有注入故障。"),
    "page.gates": ("Gates", "门槛"),
    "page.validity": ("Can the run be trusted?", "本次运行可信吗？"),
    "page.slip": (
        "How late orders left the load generator, against the schedule:",
        "订单实际发出时间比计划晚多少：",
    ),
    "page.generator": ("How the load generator itself was, at worst:", "压测端自身的最差状况："),
    "page.generator.lag_ms": ("its loop late by", "事件循环迟滞"),
    "page.generator.gc_ms": ("stopped for garbage collection", "垃圾回收停顿"),
    "page.generator.busy_share": ("seconds without processor time to spare", "处理器满载的秒数占比"),
    "page.generator.clock_step_ms": ("clock set during the run by", "运行中时钟跳变"),
    "page.limits": ("Limits used", "采用的上限"),
    "page.limit.confirm_ms": ("an order is late after", "订单超过此时长算迟到"),
    "page.limit.late_share": ("late orders, at most", "迟到订单占比上限"),
    "page.limit.error_share": ("errors, at most", "错误占比上限"),
    "page.limit.oversold": ("oversold, at most", "超卖上限"),
    "page.notes": ("Notes", "备注"),
    "page.reproduce": ("Run it again", "复现本次运行"),
    "page.reproduce_hint": (
        "The same seed sends the same buyers at the same moments.",
        "种子相同，则同样的买家在同样的时刻到来。",
    ),
    "page.detail": ("Details", "详细数据"),
    "page.profile": ("profile", "负载画像"),
    "page.target": ("target", "目标"),
    "page.seed": ("seed", "种子"),
    "page.started": ("started", "开始"),
    "page.duration": ("duration", "时长"),
    "page.peak": ("peak", "峰值"),
    "page.made_by": (
        "Made by SurgeKit {version}. This page loads nothing from the network.",
        "由 SurgeKit {version} 生成。本页不从网络加载任何内容。",
    ),
    # -- charts
    "chart.time": ("time", "时间"),
    "chart.timeline": ("phases, faults, breaking points", "阶段、故障、失守点"),
    "chart.broke": ("{measure} broke", "{measure}失守"),
    "chart.limit": ("limit {value}", "上限 {value}"),
    "chart.log": ("log scale", "对数刻度"),
    "chart.rate": ("Orders per second", "每秒订单"),
    "chart.rate.says": (
        "Offered peaks at {offered}/s ({at}); confirmed peaks at {confirmed}/s.",
        "计划峰值 {offered} 单/秒（{at}）；确认峰值 {confirmed} 单/秒。",
    ),
    "chart.latency": ("Confirmation latency", "确认延迟"),
    "chart.latency.says": ("Worst p99 is {worst} ({at}).", "最差 p99 为 {worst}（{at}）。"),
    "chart.shares": ("Errors and late orders", "错误与迟到"),
    "chart.shares.says": ("Worst second: {worst} {name} ({at}).", "最差的一秒：{name} {worst}（{at}）。"),
    "chart.shares.none": ("No errors, and nothing late.", "没有错误，也没有迟到。"),
    "chart.stock": ("Stock", "库存"),
    "chart.stock_of": ("Stock of {sku}, the scarcest", "{sku} 库存（最紧缺）"),
    "chart.stock.says": ("Oversold by the end: {n}.", "到结束时超卖 {n}。"),
    "chart.stock.gone": (
        "Stock is gone at {at}; oversold by the end: {n}.",
        "{at} 时库存清空；到结束时超卖 {n}。",
    ),
    "chart.oversold": ("Oversold", "超卖"),
    "chart.oversold.says": ("{n} by the end.", "到结束时 {n}。"),
    "chart.load": ("Orders in flight", "在途订单"),
    "chart.load.says": ("At most {n} at once ({at}).", "同时最多 {n} 单（{at}）。"),
    "chart.cpu": ("CPU", "CPU"),
    "chart.cpu.says": ("Highest: {name} {worst} ({at}).", "最高：{name} {worst}（{at}）。"),
    "line.offered": ("offered", "计划"),
    "line.sent": ("sent", "发出"),
    "line.confirmed": ("confirmed", "确认"),
    "line.rejected": ("rejected", "被拒"),
    "line.p50_ms": ("p50", "p50"),
    "line.p99_ms": ("p99", "p99"),
    "line.error_share": ("errors", "错误"),
    "line.late_share": ("late", "迟到"),
    "line.stock_left": ("stock left", "剩余库存"),
    "line.oversold": ("oversold", "超卖"),
    "line.in_flight": ("in flight", "在途"),
}


def phrase(key: str, lang: Lang, **values: object) -> str:
    """The phrase ``key`` in ``lang``, with its ``{names}`` filled from ``values``.

    Raises KeyError for a key that is not in the table, a language it lacks, or a name that was not given: a report
    with a hole in it is a mistake in the program, not in the run.
    """
    english, chinese = PHRASES[key]
    text = {"en": english, "zh": chinese}[lang]
    return text.format(**values)


def phrase_or(key: str, lang: Lang, otherwise: str) -> str:
    """Like :func:`phrase` for a key built from data, such as ``invariant.<name>``; ``otherwise`` when it is unknown."""
    return phrase(key, lang) if key in PHRASES else otherwise
