"""Reads leave that is asked for in one breath with its reason, as 请假明天值夜班; talk about leave is none."""

from __future__ import annotations

import re

from bot.commands.plain import SIMPLIFIED

LONGEST = 60
"""Characters of such a message; in longer ones a sentence tells of something."""

_WHEN = (
    "今天|明天|后天|大后天|今晚|明晚|今早|明早|早上|上午|中午|下午|晚上|夜里|这[两几]天|[本这下]?(?:周|星期|礼拜)[一二三四五六日天末]"
    "|[本这下](?:周|星期|礼拜)|[0-9一二三四五六七八九十]{1,3}[月号日点]"
)
_WHY = (
    "因|由于|临时|家[里裡裏]|家中|家有|家人|孩子|小孩|老人|父亲|母亲|爸|妈|爱人|媳妇|老公|身体|生病|感冒|发[烧燒]|头[疼痛]|肚子|不舒服"
    "|看病|住院|陪护|有事|有急事|有点事|有私事|事假|病假|年假|婚假|产假|陪产|丧假|调休|补休|轮休"
    "|[值上倒加夜]班|值夜|夜班|出差|外出|在外|出[门門]|培训|开会|[车車]间|在[岗崗]|在班|当班|执勤|值勤|去医院|去[医醫]院|在[医醫]院|路上|堵[车車]"
)
_BEFORE = "(?:我|我们)?(?:要|得|需要|需|还要|还得|在|正)?"
_REASON = rf"(?:(?:我|我们)?(?:{_WHEN})|{_BEFORE}(?:{_WHY}))"
_ASKS = "(?:我|我?[想要]|我?申请|我得)?请(?:个|一天)?假(?:一次|一天|一下)?"
_FIRST = re.compile(rf"{_ASKS}[,，。、!;\s]*(?P<reason>{_REASON}.*)", re.DOTALL)
_LAST = re.compile(rf"(?P<reason>{_REASON}.*?)[,，。、!;\s]+{_ASKS}", re.DOTALL)
_CLOSE = re.compile(rf"(?P<reason>(?:我|我们)?(?:{_WHEN})*{_BEFORE}(?:{_WHY})班?){_ASKS}")
"""Without anything between the two no more than a time and a cause is a reason: 今天张三请假 is talk."""

_TALK = re.compile(
    r"[?吗嗎]$|怎[么麼样樣]|如何|什[么麼]|[谁誰]|几[个個位]|多少|哪|再[说說]|制度|规定|規定|流程|手续|手續|[条條單单]子"
    r"|的(?:人|同志|名[单單]|情况|都|已|要|[请請]|先|可以|[记記]得|有|也|就|太)|[吧呢]$|不批|批了|批准|[扣罚罰][钱錢]"
)
"""What stands in a sentence about leave: 请假明天值班的请登记, 请假今天有几个人."""


def reason_of_leave(plain: str) -> str | None:
    """Return for what somebody asks leave who says both without a space, ``None`` for talk about leave."""
    if len(plain) > LONGEST:
        return None
    simple = plain.translate(SIMPLIFIED)
    found = _FIRST.fullmatch(simple) or _LAST.fullmatch(simple) or _CLOSE.fullmatch(simple)
    if found is None or _TALK.search(simple):
        return None
    return plain[found.start("reason") : found.end("reason")].strip()
