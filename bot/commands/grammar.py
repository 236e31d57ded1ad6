"""Reads a chat message as people type it, and finds the command in it, if there is one."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from content import chains

LONGEST_READ = 4096
"""Characters of a message that are looked at; commands are short."""

LONGEST_CHAIN = 20_000
"""Characters of a pasted chain that are looked at."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-"})
_RAISED = re.compile("([\u00b2\u00b3\u00b9\u2070-\u209c]+)")
"""Raised and lowered digits: the normal form would make plain numbers of what is a footnote or a unit."""
_SIMPLIFIED = str.maketrans(
    "動舉報簽請學補幫綁臺個課單麼習黨靜別擾復棄權選刪剛纔誤數據導遲線號週禮時現後問調練錯題測語網頁場訴記錄間鐘兩廣罵謠傳隱無關會鎖龍參決議務發員組織評談話討費細進難辦匯彙寫畢諾開",
    "动举报签请学补帮绑台个课单么习党静别扰复弃权选删刚才误数据导迟线号周礼时现后问调练错题测语网页场诉记录间钟两广骂谣传隐无关会锁龙参决议务发员组织评谈话讨费细进难办汇汇写毕诺开",
)
"""The traditional form of every sign in our words; what people add in their own words stays as they wrote it."""
_END = " 。.!~,、"


class Verb(StrEnum):
    """What a person may ask for in chat."""

    HELP = "help"
    MINE = "mine"
    CHECK_IN = "check_in"
    LEARNED = "learned"
    LEAVE = "leave"
    MAKE_UP = "make_up"
    CONSOLE = "console"
    BIND = "bind"
    VOTE = "vote"
    ABSTAIN = "abstain"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"
    LESSON = "lesson"
    MUTE = "mute"
    UNMUTE = "unmute"
    WATCHWORD = "watchword"
    CORRECT = "correct"
    DATA = "data"
    ADOPT = "adopt"
    NOMINATE = "nominate"
    NOMINATE_FOR_GROUP = "nominate_for_group"
    AGREE = "agree"
    DISAGREE = "disagree"
    OBJECT = "object"
    SURVEY = "survey"
    PRACTISE = "practise"
    MISTAKES = "mistakes"
    LOOK_UP = "look_up"
    HOURS = "hours"
    WARN = "warn"
    SILENCE = "silence"
    SHOW_OUT = "show_out"
    BAN = "ban"
    LIFT = "lift"
    PUT_DOWN = "put_down"
    CLEAN = "clean"
    PLAN = "plan"
    LOCK = "lock"
    UNLOCK = "unlock"
    SLOW_MODE = "slow_mode"
    APPEAL = "appeal"
    COMPLAIN = "complain"
    SESSION = "session"
    ASK = "ask"
    ASK_UNNAMED = "ask_unnamed"
    RESOLVE = "resolve"
    ASSIGN = "assign"
    SPEAK = "speak"
    TAKE_QUESTION_BACK = "take_question_back"
    HELP_CASE = "help_case"
    HELP_CASE_UNNAMED = "help_case_unnamed"
    PROGRESS = "progress"
    SIGN_UP = "sign_up"
    SIGN_OFF = "sign_off"
    ACTIVITY = "activity"
    DUES = "dues"
    DUES_LIST = "dues_list"
    DUES_WRONG = "dues_wrong"
    THOUGHTS = "thoughts"
    THAT_IS_ALL = "that_is_all"
    PLEDGES = "pledges"
    ASK_PLEDGE = "ask_pledge"
    ANSWER_PLEDGE = "answer_pledge"
    PLEDGE_PROGRESS = "pledge_progress"


WORDS: dict[Verb, tuple[str, ...]] = {
    Verb.HELP: ("帮助", "help", "?", "菜单", "怎么用"),
    Verb.MINE: ("我的", "mine", "我", "个人", "me"),
    Verb.CHECK_IN: ("签到", "here", "到", "已到", "打卡", "check in", "checkin"),
    Verb.LEARNED: ("学完", "done", "学完了", "学好了", "finished"),
    Verb.LEAVE: ("请假", "leave"),
    Verb.MAKE_UP: ("补学", "makeup", "补课", "补会", "make up", "missed"),
    Verb.CONSOLE: ("控制台", "console"),
    Verb.BIND: ("绑定", "bind"),
    Verb.VOTE: ("投票", "vote"),
    Verb.ABSTAIN: ("弃权", "abstain", "都行"),
    Verb.CANCEL: ("取消", "cancel", "退", "不去了", "-1"),
    Verb.WITHDRAW: ("撤回", "undo", "删掉我刚才的"),
    Verb.LESSON: ("学习", "lesson", "课程", "微党课"),
    Verb.MUTE: ("静音", "mute", "别打扰", "免打扰"),
    Verb.UNMUTE: ("恢复", "unmute"),
    Verb.WATCHWORD: ("暗语", "watchword", "暗号"),
    Verb.CORRECT: ("更正", "correct", "改一下", "有误", "correction"),
    Verb.DATA: ("我的数据", "my data", "导出我的数据", "export my data"),
    Verb.ADOPT: ("接管", "adopt"),
    Verb.NOMINATE: ("推荐", "nominate", "提名"),
    Verb.NOMINATE_FOR_GROUP: ("小组推荐", "group nominate"),
    Verb.AGREE: ("同意", "agree", "同意推荐"),
    Verb.DISAGREE: ("不同意", "disagree", "不同意推荐"),
    Verb.OBJECT: ("意见", "objection"),
    Verb.SURVEY: ("问卷", "survey", "调查"),
    Verb.PRACTISE: ("练习", "practice", "自测", "做题", "practise"),
    Verb.MISTAKES: ("错题", "mistakes", "错题本"),
    Verb.LOOK_UP: ("百科", "wiki", "什么是", "查一下"),
    Verb.HOURS: ("学时", "hours", "我的学时", "my hours"),
    Verb.WARN: ("警告", "warn"),
    Verb.SILENCE: ("禁言", "silence"),
    Verb.SHOW_OUT: ("移出", "remove"),
    Verb.BAN: ("封禁", "ban"),
    Verb.LIFT: ("解除", "lift"),
    Verb.PUT_DOWN: ("记录", "note"),
    Verb.CLEAN: ("清理", "clean"),
    Verb.PLAN: ("排", "plan", "安排"),
    Verb.LOCK: ("锁定", "lock", "锁群"),
    Verb.UNLOCK: ("解锁", "unlock"),
    Verb.SLOW_MODE: ("慢速", "slow mode", "慢速模式"),
    Verb.APPEAL: ("申诉", "appeal"),
    Verb.COMPLAIN: ("举报", "complaint"),
    Verb.SESSION: ("场次", "session"),
    Verb.ASK: ("提问", "question", "我想问"),
    Verb.ASK_UNNAMED: ("匿名提问", "anonymous"),
    Verb.RESOLVE: ("决议", "resolved"),
    Verb.ASSIGN: ("任务", "task"),
    Verb.SPEAK: ("发言", "remark"),
    Verb.TAKE_QUESTION_BACK: ("撤回提问", "withdraw question", "收回提问"),
    Verb.HELP_CASE: ("求助", "help me", "反映", "有个困难", "帮忙"),
    Verb.HELP_CASE_UNNAMED: ("匿名求助", "unnamed help", "匿名反映"),
    Verb.PROGRESS: ("进度", "progress", "办到哪了"),
    Verb.SIGN_UP: ("接龙", "sign up", "报名", "参加", "+1"),
    Verb.ACTIVITY: ("活动", "activity"),
    Verb.DUES: ("党费", "dues", "交党费", "我的党费", "my dues"),
    Verb.DUES_LIST: ("党费明细", "dues list", "党费记录"),
    Verb.DUES_WRONG: ("党费基数有误", "dues wrong", "党费有误", "基数有误"),
    Verb.THOUGHTS: ("思想汇报", "thought report", "汇报"),
    Verb.THAT_IS_ALL: ("完", "end", "写完了", "完毕"),
    Verb.SIGN_OFF: ("取消报名", "sign off", "退出报名", "退出接龙"),
    Verb.PLEDGES: ("承诺", "pledges", "公开承诺", "pledge"),
    Verb.ASK_PLEDGE: ("问承诺", "ask pledge"),
    Verb.ANSWER_PLEDGE: ("答承诺", "answer pledge"),
    Verb.PLEDGE_PROGRESS: ("进展", "pledge progress", "更新承诺"),
}
"""The first two are the names that help shows, in Chinese and in English."""

CALLING = frozenset(
    {Verb.WARN, Verb.SILENCE, Verb.SHOW_OUT, Verb.BAN, Verb.LIFT, Verb.PUT_DOWN, Verb.CLEAN},
)
"""Heard in a room where the message calls somebody by name, or answers what they said; else these are talk."""

FORMS = {
    **dict.fromkeys(("党员大会", "assembly"), "assembly"),
    **dict.fromkeys(("支委会", "committee meeting"), "committee"),
    **dict.fromkeys(("党小组会", "group meeting"), "group"),
    **dict.fromkeys(("党课", "lecture"), "lecture"),
    **dict.fromkeys(("主题党日", "theme day"), "party_day"),
    **dict.fromkeys(("组织生活会", "life meeting"), "life"),
    **dict.fromkeys(("民主评议", "appraisal meeting"), "review"),
    **dict.fromkeys(("谈心谈话", "talk"), "talk"),
    **dict.fromkeys(("学习研讨", "seminar"), "seminar"),
}
"""Words by which a form of meeting is known, and the form that they stand for."""

REASONS_OF_MEASURES = {
    **dict.fromkeys(("刷屏", "flood", "spam"), "flood"),
    **dict.fromkeys(("骂人", "辱骂", "侮辱", "伤人", "insult"), "insult"),
    **dict.fromkeys(("广告", "advert"), "advert"),
    **dict.fromkeys(("谣言", "传谣", "rumour"), "rumour"),
    **dict.fromkeys(("涉密", "泄密", "confidential"), "confidential"),
    **dict.fromkeys(("隐私", "privacy"), "privacy"),
    **dict.fromkeys(("跑题", "无关", "off topic"), "off_topic"),
    **dict.fromkeys(("违规", "against the rules"), "rule"),
}
"""Words by which the reason of a measure is known, and the template that they stand for."""

REASONS = ("有事", "值班", "出差", "倒班", "病假")
"""Said alone, or before 请假, these ask for leave and are the reason for it."""

_TELLING_REASONS = ("值班", "出差", "倒班", "病假")
"""Those that hardly stand in a sentence about anything else."""

ROOM_WORDS = {
    Verb.HELP: ("帮助", "help"),
    Verb.MINE: ("我的",),
    Verb.MAKE_UP: ("补学",),
    Verb.CONSOLE: ("控制台",),
    Verb.LESSON: ("学习",),
    Verb.LOOK_UP: ("百科",),
    Verb.MUTE: ("静音",),
    Verb.HOURS: ("学时",),
    Verb.DUES: ("党费", "交党费", "我的党费"),
    Verb.DUES_LIST: ("党费明细", "党费记录"),
    Verb.CORRECT: ("更正",),
    Verb.COMPLAIN: ("举报", "complaint"),
    Verb.THOUGHTS: ("思想汇报",),
    Verb.DATA: ("我的数据", "导出我的数据"),
    Verb.RESOLVE: ("决议",),
    Verb.ASSIGN: ("任务",),
    Verb.SPEAK: ("发言",),
    Verb.LOCK: ("锁定", "锁群"),
    Verb.PLAN: ("排", "安排"),
    Verb.UNLOCK: ("解锁",),
    Verb.SLOW_MODE: ("慢速", "慢速模式"),
    Verb.PLEDGES: ("承诺", "公开承诺"),
    Verb.ASK_PLEDGE: ("问承诺", "ask pledge"),
}
"""Of commands that are not answers to an open card, only these are heard in a room."""

LONGEST_GUESSED = 12
"""Characters of a message for which a word of ours is guessed; in longer ones it only happens to stand."""

CARD_WORDS = ("1", "在")
"""In a reply to a card these mean: I am here."""

NOTE_WORDS = {"迟到": "late", "late": "late", "线上": "online", "online": "online"}
"""In a reply to a card these mean: I am here, and how."""

ACKNOWLEDGED = frozenset(
    "收到 收到谢谢 好的 好的谢谢 好 嗯 嗯嗯 明白 知道了 了解 谢谢 辛苦了 ok okay thanks thankyou gotit 👌 👍".split()  # noqa: SIM905
)
"""Said to the bot, these ask for nothing and are never answered."""

SKIPPED = frozenset("不说 不写 不填 不用 不用了 没有 没 跳过 算了 无 skip no none".split())  # noqa: SIM905
"""Said when something was asked back, these leave the answer out."""

_ASSENT = frozenset("好的 好 嗯 嗯嗯 ok okay".split())  # noqa: SIM905
_FINISHED = frozenset(
    "完成 完成了 已完成 已经完成 全部完成 办完了 办好了 已办好 做完了 做好了 done alldone finished completed".split()  # noqa: SIM905
)

DROPPED = frozenset(
    (
        *(
            "没事了",
            "没事儿了",
            "没事",
            "沒事了",
            "沒事",
            "不说了",
            "不說了",
            "不办了",
            "不求助了",
            "不提了",
            "不需要了",
        ),
        *("算了", "算了吧", "取消", "撤回", "cancel", "never mind", "nevermind", "forget it"),
    )
)
"""Said of what help was asked for, these say that it is needed no longer."""

CALLED_OUT = frozenset(
    ("在吗", "在嗎", "在么", "在不在", "有人吗", "有人嗎", "你好", "您好", "hi", "hello", "are you there")
)
"""Said before one says what one wants, or to hear whether anybody has read it."""

_SESSION = re.compile(
    r"(?:(?:我?(?:参加|能来|来|去)|i (?:will )?come to )\s*)?"
    r"(?:第([一二三四1-4])场|([a-d1-4])场?|([1-4])\ufe0f?\u20e3?|session ([1-4]))",
    re.IGNORECASE,
)
_SESSIONS = {"1": 1, "a": 1, "一": 1, "2": 2, "b": 2, "二": 2, "3": 3, "c": 3, "三": 3, "4": 4, "d": 4, "四": 4}

_NUMBER = "(?:[0-9]{1,2}|[一二三四五六七八九十])号?"
_NUMBERS = re.compile(rf"{_NUMBER}(?:(?:[\s,、.]+|和|and){_NUMBER})*")
_VOTE = re.compile(rf"(?:投票|投|选|改票|vote)\s*({_NUMBERS.pattern})", re.IGNORECASE)
_DIGITS = {word: str(number) for number, word in enumerate("一二三四五六七八九十", start=1)}

_KEYWORDS = {word: verb for verb, all_words in WORDS.items() for word in all_words}
_COUNTED = "(?:[0-9]{1,3}|[一二三四五六七八九十])[号期]?"
_LENGTH = (
    r"(?:(?P<count>[0-9]{1,4}|[一二两三四五六七八九十半]|an?|one)?\s*个?"
    r"(?P<measure>小时|天|日|周|星期|礼拜|月|年|hours?|h|days?|d|weeks?|w|months?|years?)"
    r"|(?P<days>[0-9]{1,4})|(?P<ever>永久|一直|forever)|(?P<end>恢复|取消|关闭|off))"
)
LENGTH = re.compile(_LENGTH, re.IGNORECASE)
"""How long one wants silence: a count and a measure, days alone, for ever, or the end of it."""
_HELP_CODE = "[0-9a-z]{4}(?:[- ]?[0-9a-z]{4}){3}"
_OF_HELP = re.compile(rf"b?-?[0-9]{{1,6}}|{_HELP_CODE}", re.IGNORECASE)
"""The number of a help case, or what is meant as the code of one without a name."""
_OF_ASKING = (
    r"(?:(?:[热熱]线|[电電]话|渠道|平台|中心|信箱|[邮郵]箱|方式|方法|流程|指南|公[众眾][号號])(?:[号號][码碼])?(?:$|.*(?:多少|什么|哪|[谁誰]|[吗嗎]$))"
    r"|是什么|是多少|是[谁誰]|怎么[写发用说填提弄]|如何[写发用说填提]|有什么用|找[谁誰]|在哪|(?:可以|可不可以|能|能不能)匿名(?:[吗嗎]|$))"
)
"""What asks about asking for help, and is none: 求助热线是多少."""
_GLUED = re.compile(
    rf"(?P<word>学完|签到|补学|学习|取消|撤回提问|接管|绑定|静音|问卷|进度|承诺)"
    rf"(?P<argument>(?<=问卷)网页|(?<=签到)[0-9]{{6}}|(?<!绑定)(?<!静音)(?<!问卷)(?<!进度){_COUNTED}|(?<=进度)(?i:{_OF_HELP.pattern})|(?<=绑定)[A-Za-z0-9-]{{4,40}}|(?<=静音){_LENGTH})"
)
_ASKED = re.compile(
    rf"(?P<word>匿名求助|匿名反映|求助|有个困难|匿名提问|提问|举报)(?!(?<=求助){_OF_ASKING}|(?<=匿名反映){_OF_ASKING})"
    r"(?P<argument>(?<=匿名提问)\S.+|(?<=匿名求助|匿名反映)\S.+|(?<=举报)(?:https:|matrix:).+|(?<=求助)[(\[]?匿名.*"
    r"|(?<!举报)\S.{4,})",
    re.DOTALL,
)
_TENS = re.compile("[一二三四五六七八九]?十[一二三四五六七八九]?")
_WHOLE_NUMBER = rf"(?:[0-9]{{1,4}}|{_TENS.pattern}|[一二三四五六七八九])"
_EDGE = r"(?![\w%‰]|[-./~+][0-9])"
_MEASURES = (
    r"[月米吨噸层層栋棟岁歲]|日(?![常期])|[点點](?![位检檢])|[个個](?![别別人])|元(?!旦)|[圆圓]|天(?![气氣])|年(?![底终終度轻輕])"
    r"|[楼樓](?![道梯])|人(?![员員手家为為们們])|[条條](?!件)|[处處](?!理)|[周週](?![一二三四五六日末边邊围圍])"
    r"|[万萬](?!一)|[块塊]|[分秒][钟鐘]|小[时時]|星期(?![一二三四五六日天])"
    r"|(?i:(?:days?|weeks?|months?|years?|hours?|minutes?|yuan|metres?|floors?|people|o'clock|[ap]m)\b)"
)
"""What is measured or counted, but for words that only begin so: 3 个月 is no pledge 3, and 3 个别 may be."""
ABOUT_PLEDGE = re.compile(
    rf"(?P<number>{_WHOLE_NUMBER})(?!\s*(?:{_MEASURES}))"
    rf"(?:\s*[号號](?:承[诺諾]|(?![\w%‰]))|承[诺諾]|(?!\s*[号號]){_EDGE}|(?=-[0-9]))"
    rf"(?:-(?P<question>[0-9]{{1,4}}){_EDGE}|(?!-[0-9]))[\s:,，、.。;；]*(?P<rest>.*)",
    re.DOTALL,
)
"""The number of a pledge or of a question to it, and what is said; 一切, 三天, 3 个月 and 12号装好 have none."""
_OF_PLEDGE = re.compile(
    rf"(?P<word>问承诺|答承诺|更新承诺|进展(?={ABOUT_PLEDGE.pattern}))(?P<argument>[0-9一二三四五六七八九十].*)",
    re.DOTALL,
)
_PLEDGE_ALONE = re.compile(f"{_WHOLE_NUMBER}[号期]?")
_WHAT = re.compile(r"什[么麼]是([^?]{1,40})\?*")
_NUMBER_ALONE = re.compile(_COUNTED)
_VENUE_CODE = re.compile("[0-9]{6}")
_NUMBER_OR_CODE = re.compile(f"{_COUNTED}|{_VENUE_CODE.pattern}")
"""Of what is open one's number, or the code that is shown where it is held."""
_NAME = r"[\u3400-\u9fffA-Za-z·.' ]{2,30}(?:带?\+?[0-9]人?)?"
_NAMES = rf"{_NAME}(?:[、,]{_NAME})*"
_TAKES = {
    Verb.CHECK_IN: _NUMBER_OR_CODE,
    Verb.LEARNED: _NUMBER_ALONE,
    Verb.MAKE_UP: _NUMBER_ALONE,
    Verb.CANCEL: _NUMBER_ALONE,
    Verb.TAKE_QUESTION_BACK: _NUMBER_ALONE,
    Verb.LESSON: _NUMBER_ALONE,
    Verb.PLEDGES: _PLEDGE_ALONE,
    **dict.fromkeys((Verb.ASK_PLEDGE, Verb.ANSWER_PLEDGE, Verb.PLEDGE_PROGRESS), re.compile(r".+", re.DOTALL)),
    Verb.ADOPT: _NUMBER_ALONE,
    Verb.MUTE: LENGTH,
    Verb.WATCHWORD: re.compile(r".{1,60}"),
    Verb.CORRECT: re.compile(r".+", re.DOTALL),
    Verb.LEAVE: re.compile(r".+", re.DOTALL),
    Verb.DUES_WRONG: re.compile(r".+", re.DOTALL),
    Verb.SESSION: re.compile(r"[12一二abAB]场?"),
    Verb.ASK: re.compile(r".+", re.DOTALL),
    Verb.ASK_UNNAMED: re.compile(r".+", re.DOTALL),
    Verb.HELP_CASE: re.compile(r".+", re.DOTALL),
    Verb.HELP_CASE_UNNAMED: re.compile(r".+", re.DOTALL),
    Verb.PROGRESS: _OF_HELP,
    Verb.WITHDRAW: _OF_HELP,
    Verb.PRACTISE: re.compile(r".{1,60}"),
    Verb.LOOK_UP: re.compile(r".{1,60}"),
    Verb.MISTAKES: re.compile(r"清空|clear", re.IGNORECASE),
    Verb.BIND: re.compile(r"\S{4,40}"),
    # A title and how it is meant, or names.
    Verb.SIGN_UP: re.compile(rf"[^;]*;.*|{_NAMES}", re.DOTALL),
    Verb.ACTIVITY: re.compile(r"(?:补充|補充|add).+", re.DOTALL | re.IGNORECASE),
    Verb.SIGN_OFF: re.compile(_NAMES),
    **dict.fromkeys(
        (*CALLING, Verb.APPEAL, Verb.COMPLAIN, Verb.LOCK, Verb.UNLOCK, Verb.SLOW_MODE), re.compile(r".+", re.DOTALL)
    ),
    Verb.PLAN: re.compile(rf".*(?:{'|'.join(FORMS)}).*[0-9].*", re.DOTALL | re.IGNORECASE),
    **dict.fromkeys((Verb.RESOLVE, Verb.ASSIGN, Verb.SPEAK), re.compile(r".+", re.DOTALL)),
    Verb.THOUGHTS: re.compile(r".+", re.DOTALL),
    Verb.NOMINATE: re.compile(r".+", re.DOTALL),
    Verb.NOMINATE_FOR_GROUP: re.compile(r".+", re.DOTALL),
    Verb.AGREE: re.compile(r".{1,60}"),
    Verb.DISAGREE: re.compile(r".{1,60}"),
    Verb.OBJECT: re.compile(r".+", re.DOTALL),
    # A question and at least two answers, each after its semicolon.
    Verb.SURVEY: re.compile(r"网页|網頁|page", re.IGNORECASE),
    Verb.VOTE: re.compile(r"[^;]+(?:;[^;]*){2,}", re.DOTALL),
}


_COUNTING = frozenset(
    verb for verb, takes in _TAKES.items() if takes in (_NUMBER_ALONE, _PLEDGE_ALONE, _NUMBER_OR_CODE, LENGTH)
)


class Said(Struct, frozen=True, kw_only=True):
    """A command as it was said: the verb, the word used for it, and the rest with the case it was typed in."""

    verb: Verb
    word: str
    argument: str = ""


def normalise(text: str) -> str:
    """Return a message as keywords are compared: plain forms of letters and digits, no decoration, no ending."""
    pieces = _RAISED.split(text[:LONGEST_READ])
    plain = [piece if place % 2 else unicodedata.normalize("NFKC", piece) for place, piece in enumerate(pieces)]
    text = "".join(plain).translate(_DASHES)
    text = _INVISIBLE.sub("", text).strip()
    stripped = text.rstrip(_END)
    return (stripped or text).strip(" \"'“”「」")


def without_reply_fallback(body: str) -> str:
    """Drop the quoted lines that older clients put before a reply."""
    lines = body.split("\n")
    start = 0
    while start < len(lines) and lines[start].startswith("> "):
        start += 1
    if start and start < len(lines) and not lines[start].strip():
        start += 1
    return "\n".join(lines[start:])


def read(text: str) -> Said | None:
    """Find the command that a whole message is; free talk that merely holds a keyword is none."""
    return _read_again(text) if len(text) <= BRIEF else _read(text)


BRIEF = 200
"""Characters of a message of which it is remembered for a while how it was read: on its way that is asked often."""


def _read(text: str) -> Said | None:
    plain = normalise(text).removeprefix("!").strip()
    if not plain:
        return None
    if chains.read_chain(text[:LONGEST_CHAIN]) is not None:
        return Said(verb=Verb.SIGN_UP, word=WORDS[Verb.SIGN_UP][0])
    head, _, rest = plain.partition(":")
    if rest.strip() and _keyword(head) in _KEYWORDS:
        plain = f"{head} {rest}"
    whole = _keyword(plain)
    if whole in _KEYWORDS:
        return Said(verb=_KEYWORDS[whole], word=whole)
    if chains.asks(plain):
        return Said(verb=Verb.SIGN_UP, word="+1")
    leave = _leave_by_reason(whole)
    if leave is not None:
        return leave
    voted = _VOTE.fullmatch(plain.translate(_SIMPLIFIED))
    if voted is not None:
        return Said(verb=Verb.VOTE, word="投" if not plain.isascii() else "vote", argument=voted[1])
    return _with_argument(plain) or _glued(plain) or _asked_what(plain) or _asked_without_space(plain)


_read_again = lru_cache(maxsize=128)(_read)


def language_of(said: Said | None) -> str | None:
    """Return the language in which a command was said, so that it is answered in it."""
    if said is None or not any(letter.isalpha() for letter in said.word):
        return None
    return "en" if said.word.isascii() else "zh_CN"


def is_talk(said: Said) -> bool:
    """Tell whether a command looks just like talk: many a sentence begins with "leave", and many a wish is 都行."""
    if said.word in ("leave", "cancel", "correct"):
        return bool(said.argument)
    if said.word == "ask pledge":
        return ABOUT_PLEDGE.fullmatch(said.argument) is None
    return said.word == "都行" or (said.word == "更正" and not said.argument)


def card_word(text: str) -> bool:
    """Tell whether a reply to a card says no more than: I am here."""
    return normalise(text) in CARD_WORDS


def is_venue_code(text: str) -> bool:
    """Tell whether a message is nothing but a code as it is shown where a meeting is held."""
    return _VENUE_CODE.fullmatch(normalise(text)) is not None


def note_word(text: str) -> str | None:
    """Return what a reply to a card adds to being here, if it says no more than that."""
    return NOTE_WORDS.get(_keyword(normalise(text)))


def session_in(text: str) -> int | None:
    """Return which session is named, and nothing else: ``1``, ``B``, ``第二场``, ``参加 2``, or a numbered key."""
    found = _SESSION.fullmatch(normalise(text).translate(_SIMPLIFIED))
    if found is None:
        return None
    return _SESSIONS[next(one for one in found.groups() if one).casefold()]


def is_acknowledgement(text: str) -> bool:
    """Tell whether a message only says that another was seen."""
    return _keyword(re.sub(r"[,.!、~\s]", "", normalise(text))) in ACKNOWLEDGED


def is_assent(text: str) -> bool:
    """Tell of an acknowledgement that it may as well say yes to what was asked."""
    return _keyword(re.sub(r"[,.!、~\s]", "", normalise(text))) in _ASSENT


def says_finished(text: str) -> bool:
    """Tell whether a message says of a work no more than that it is done."""
    return _keyword(re.sub(r"[,.!、~\s]", "", normalise(text))) in _FINISHED


def is_skipped(text: str) -> bool:
    """Tell whether a message declines to say what was asked back."""
    return _keyword(normalise(text)) in SKIPPED


def is_dropped(text: str) -> bool:
    """Tell whether a message says no more than that help is needed no longer."""
    return _keyword(normalise(text)) in DROPPED


def is_called_out(text: str) -> bool:
    """Tell whether a message only calls, as people do before they say what they want."""
    return _keyword(normalise(text).rstrip("?")) in CALLED_OUT


def is_bare_reason(text: str) -> bool:
    """Tell whether a message is nothing but a reason for leave."""
    return _keyword(normalise(text)) in REASONS


def nearest(text: str) -> str | None:
    """Return the word of ours that a message is probably meant to be, ``None`` where none is near."""
    plain = _keyword(normalise(text))
    if len(plain) > LONGEST_GUESSED:
        return None
    held = [word for word in _KEYWORDS if len(word) > 1 and not word.isascii() and word in plain]
    if not held and any(reason in plain for reason in _TELLING_REASONS):
        return WORDS[Verb.LEAVE][0]
    if held:
        return WORDS[_KEYWORDS[max(held, key=len)]][0]
    english = [word for word in _KEYWORDS if word.isascii() and len(word) > 3]
    near = get_close_matches(plain, english, n=1, cutoff=0.75)
    return WORDS[_KEYWORDS[near[0]]][1] if near else None


_CHOICE = re.compile(r"(?:我|i)?\s*[要想就]?\s*(?:投|选|赞成|支持|同意|vote|choose)\s*\S.{0,40}", re.IGNORECASE)


def is_choice(text: str) -> bool:
    """Tell whether a message names whom somebody would choose, as 投张明 does."""
    return _CHOICE.fullmatch(normalise(text).translate(_SIMPLIFIED)) is not None


_SPAN = (
    r"(?:for\s+)?(?P<count>half\s+an?|[0-9]{1,4}(?:\.[0-9])?|[一二三四五六七八九]?十[一二三四五六七八九]?"
    r"|[一二两三四五六七八九半]|an?|one)\s*个?(?P<half>半)?\s*"
    r"(?P<measure>分钟|分|小时|天|日|周|星期|礼拜|月|年"
    r"|minutes?|mins?|months?|m|hours?|h|days?|d|weeks?|w|years?)(?P<more>半)?"
    r"|(?P<ever>永久|for\s+good|forever)"
)
_FIRST_SPAN = re.compile(_SPAN, re.IGNORECASE)
_LAST_SPAN = re.compile(rf"(?:^|(?<=[\s,、;]))(?:{_SPAN})$", re.IGNORECASE)
_MINUTES = {
    "分": 1,
    "小": 60,
    "天": 1440,
    "日": 1440,
    "周": 10080,
    "星": 10080,
    "礼": 10080,
    "月": 43200,
    "年": 525600,
    "m": 1,
    "mo": 43200,
    "h": 60,
    "d": 1440,
    "w": 10080,
    "y": 525600,
}


def reason_in(text: str) -> tuple[str, str]:
    """Return the template of the reason that a text names, ``other`` for none, and the words that are added to it."""
    plain = _keyword(text)
    found = next((reason for word, reason in REASONS_OF_MEASURES.items() if word in plain), "other")
    return found, "" if plain in REASONS_OF_MEASURES else text


def span_of(text: str) -> tuple[timedelta | None, str]:
    """Take how long something is to last out of a text, and return what else it says.

    It is said before everything else or after it; in the middle of a reason it belongs to that. Nothing at all where
    no length is said, ``None`` for what is to last for good, where no other length is said.
    """
    text = " ".join(text.split())
    plain = text.translate(_SIMPLIFIED)
    found = [one for one in (_FIRST_SPAN.match(plain), _LAST_SPAN.search(plain)) if one and _is_whole(one, plain)]
    if not found:
        return timedelta(0), text
    one = next((one for one in found if not one["ever"]), found[0])
    rest = f"{text[: one.start()].strip(' ,、;')} {text[one.end() :].strip(' ,、;')}".strip()
    if one["ever"]:
        return None, rest
    measure = one["measure"].lower()
    many = _many(one["count"].lower()) + (0.5 if one["half"] or one["more"] else 0)
    return timedelta(minutes=many * (_MINUTES.get(measure[:2]) or _MINUTES[measure[0]])), rest


_GAP = re.compile(
    r"(?:^|(?<=[\s,、;]))(?P<count>[0-9]{1,4}|[一二三四五六七八九]?十[一二三四五六七八九]?|[一二两三四五六七八九半])\s*"
    r"(?P<measure>秒钟?|分钟?|seconds?|secs?|s|minutes?|mins?|m)(?=$|[\s,、;])",
    re.IGNORECASE,
)
_OFF = frozenset({"关", "关闭", "关掉", "结束", "停", "停止", "取消", "off", "end", "stop"})


def is_off(text: str) -> bool:
    """Tell whether somebody wants something to end, and says no more than that."""
    return _keyword(normalise(text)) in _OFF


def gap_in(text: str) -> tuple[timedelta | None, str]:
    """Take the first length in seconds or minutes out of a text, and return what else it says; ``None`` without one."""
    text = " ".join(text.split())
    found = _GAP.search(text.translate(_SIMPLIFIED))
    if found is None:
        return None, text
    rest = f"{text[: found.start()].strip(' ,、;')} {text[found.end() :].strip(' ,、;')}".strip()
    minutes = found["measure"].lower()[0] in "分m"
    return timedelta(seconds=_many(found["count"]) * (60 if minutes else 1)), rest


def _is_whole(span: re.Match[str], plain: str) -> bool:
    """Tell whether nothing is glued to a length but a reason of ours, as in 2小时刷屏."""
    after = plain[span.end() :]
    return not after or after[0] in " ,、;" or _keyword(after) in REASONS_OF_MEASURES


def _many(count: str) -> float:
    if count == "半" or count.startswith("half"):
        return 0.5
    if "十" in count:
        tens, _, ones = count.partition("十")
        return 10 * int(_DIGITS.get(tens, "1")) + int(_DIGITS.get(ones, "0"))
    return float(_DIGITS.get(count, {"两": "2", "a": "1", "an": "1", "one": "1"}.get(count, count)))


def number_in(argument: str) -> int | None:
    """Return the number that an argument is, ``None`` where there is none."""
    bare = argument.rstrip("号期")
    if _TENS.fullmatch(bare):
        return int(_many(bare))
    bare = _DIGITS.get(bare, bare)
    return int(bare) if bare.isascii() and bare.isdigit() else None


def vote_numbers(text: str) -> tuple[str, ...] | None:
    """Return the numbers that a whole message is: ``1 3``, ``１、３``, ``三号``; a 号 stays with its number."""
    plain = normalise(text).translate(_SIMPLIFIED)
    if not _NUMBERS.fullmatch(plain):
        return None
    found = re.findall(_NUMBER, plain)
    return tuple("".join(_DIGITS.get(sign, sign) for sign in number) for number in found)


def simplified(text: str) -> str:
    """Return a text in one case, and in simplified forms of the signs that stand in our words."""
    return text.casefold().translate(_SIMPLIFIED)


def _keyword(text: str) -> str:
    folded = text.casefold().translate(_SIMPLIFIED)
    together = "".join(folded.split())
    return together if not together.isascii() else " ".join(folded.split())


def _leave_by_reason(whole: str) -> Said | None:
    reason = whole.removesuffix("请假") if whole != "请假" else ""
    return Said(verb=Verb.LEAVE, word="请假", argument=reason) if reason in REASONS else None


def _glued(plain: str) -> Said | None:
    """Read 学完2 and 绑定ABCDEFGHJK: on a phone the space is easily left out."""
    found = _GLUED.fullmatch(plain.translate(_SIMPLIFIED))
    if found is None:
        return None
    return Said(verb=_KEYWORDS[found["word"]], word=found["word"], argument=found["argument"])


def _asked_what(plain: str) -> Said | None:
    """Read 什么是三会一课?, as it is asked without a space."""
    found = _WHAT.fullmatch(plain)
    return Said(verb=Verb.LOOK_UP, word="什么是", argument=found[1]) if found is not None else None


def _asked_without_space(plain: str) -> Said | None:
    """Read 匿名提问食堂能早点开吗: on a phone the space is easily left out."""
    simple = plain.translate(_SIMPLIFIED)
    found = _ASKED.fullmatch(simple) or _OF_PLEDGE.fullmatch(simple)
    if found is None:
        return None
    return Said(verb=_KEYWORDS[found["word"]], word=found["word"], argument=plain[found.start("argument") :])


def _with_argument(plain: str) -> Said | None:
    for separator in (1, 2):
        pieces = plain.split(None, separator)
        if len(pieces) != separator + 1:
            return None
        word = _keyword(" ".join(pieces[:separator]))
        verb = _KEYWORDS.get(word)
        argument = pieces[separator].strip(" \"'“”「」:")
        if verb in _COUNTING:
            argument = argument.translate(_SIMPLIFIED)
        read_as = simplified(argument) if verb is Verb.PLAN else argument
        if verb in _TAKES and _TAKES[verb].fullmatch(read_as):
            return Said(verb=verb, word=word, argument=argument)
    return None
