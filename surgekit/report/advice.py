"""The words of a result: one headline, and for each measure what to try next. English and Chinese."""

from __future__ import annotations

from typing import Any

from surgekit.report.words import Lang, phrase

LANGS: tuple[Lang, ...] = ("en", "zh")

_NEXT: dict[str, dict[Lang, str]] = {
    "confirm_latency.platform": {
        "en": "find what orders wait for inside the platform: calls to suppliers inside a transaction, pool size, workers",
        "zh": "查平台内部在等什么:事务内调用供货商、连接池大小、工作线程数",
    },
    "confirm_latency.supplier": {
        "en": "call the supplier outside the transaction, in the background, with a time-out shorter than the buyer's patience",
        "zh": "在事务之外、后台异步调用供货商,超时要短于买家的耐心",
    },
    "confirm_latency.gateway": {"en": "ask the gateway for the payment's state instead of waiting for its notice", "zh": "主动查询支付状态,不要只等回调"},
    "confirm_latency.client": {"en": "the generator is the bottleneck: give it a core of its own", "zh": "瓶颈在压测机:给它独立的核"},
    "confirm_latency": {"en": "run it again with a lower --peak to see where it begins", "zh": "降低 --peak 再跑,看从哪里开始"},
    "oversell": {
        "en": "take the card in one conditional update, or reserve it when the order is taken; compare --target cardshop-hardened",
        "zh": "用条件更新扣卡密,或下单时预占库存;可对比 --target cardshop-hardened",
    },
    "error_rate": {
        "en": "shed what is beyond capacity with an honest 'busy' before it queues; look for pool time-outs and lock waits",
        "zh": "超出容量的请求尽早明确答复“繁忙”,不要排队到超时;检查连接池超时和锁等待",
    },
}  # fmt: skip


def add_words(result: dict[str, Any]) -> None:
    """Add ``headline``, and ``try_next``, ``limit_text`` and ``observed_text`` to each measure, in both languages."""
    limits = result["limits"]
    for measure, told in result["breakdown"].items():
        told["limit_text"], told["observed_text"] = _amounts(measure, told, limits)
        if told["status"] == "broke":
            hop = _hop(told["blame"])
            told["try_next"] = _NEXT.get(f"{measure}.{hop}") or _NEXT[measure]
        else:
            told["try_next"] = None
    result["headline"] = {lang: _headline(result, lang) for lang in LANGS}


def _hop(blame: dict[str, Any]) -> str:
    if blame["kind"] == "fault":
        return str(blame["name"]).partition("-")[0]
    return str(blame["name"])


def _amounts(measure: str, told: dict[str, Any], limits: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    if measure == "oversell":
        n = told["observed"]
        return (
            {"en": f"{limits['oversold']} orders beyond stock", "zh": f"超卖 {limits['oversold']} 单"},
            {"en": f"{n} orders beyond stock", "zh": f"超卖 {n} 单"},
        )
    seen = "-" if told["observed"] is None else f"{told['observed']:.0%}"
    if measure == "confirm_latency":
        late = f"{limits['confirm_ms'] / 1000:g} s"
        return (
            {"en": f"{limits['late_share']:.0%} later than {late}", "zh": f"晚于 {late} 的占 {limits['late_share']:.0%}"},
            {"en": f"up to {seen} later than {late}", "zh": f"最高 {seen} 晚于 {late}"},
        )
    return (
        {"en": f"{limits['error_share']:.0%} of orders met an error", "zh": f"{limits['error_share']:.0%} 订单遇错"},
        {"en": f"up to {seen} of orders", "zh": f"最高 {seen} 订单遇错"},
    )


def _headline(result: dict[str, Any], lang: Lang) -> str:
    if result["validity"]["status"] == "void":
        return phrase("headline.void", lang)
    parts = []
    for measure, told in result["breakdown"].items():
        words = {"measure": phrase(f"measure.{measure}", lang), "verdict": phrase(f"verdict.{told['status']}", lang)}
        if told["at_rate"] is not None:
            parts.append(phrase("headline.part_at", lang, rate=f"{told['at_rate']:.0f}", **words))
        else:
            parts.append(phrase("headline.part", lang, **words))
    text = phrase("headline.join", lang).join(parts)
    return text[:1].upper() + text[1:]
