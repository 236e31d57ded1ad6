"""The words by which people ask for something in chat, and those that name a form, a reason or a measure."""

from __future__ import annotations

from enum import StrEnum

from bot.commands.plain import keyword


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
    Verb.CANCEL: ("取消", "cancel", "退", "不去了", "-1", "取消请假"),
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

TELLING_REASONS = ("值班", "出差", "倒班", "病假")
"""Those that hardly stand in a sentence about anything else."""

ROOM_WORDS = {
    Verb.HELP: ("帮助", "help"),
    Verb.MINE: ("我的",),
    Verb.MAKE_UP: ("补学",),
    Verb.CONSOLE: ("控制台",),
    Verb.LESSON: ("学习",),
    Verb.WITHDRAW: ("撤回", "undo"),
    Verb.LOOK_UP: ("百科",),
    Verb.MUTE: ("静音",),
    Verb.HOURS: ("学时",),
    Verb.DUES: ("党费", "交党费", "我的党费"),
    Verb.DUES_LIST: ("党费明细", "党费记录"),
    Verb.CORRECT: ("更正",),
    Verb.COMPLAIN: ("举报", "complaint"),
    Verb.HELP_CASE: ("求助",),
    Verb.HELP_CASE_UNNAMED: ("匿名求助", "匿名反映"),
    Verb.THOUGHTS: ("思想汇报",),
    Verb.ACTIVITY: ("活动",),
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

KEYWORDS = {word: verb for verb, all_words in WORDS.items() for word in all_words}


def reason_in(text: str) -> tuple[str, str]:
    """Return the template of the reason that a text names, ``other`` for none, and the words that are added to it."""
    plain = keyword(text)
    found = next((reason for word, reason in REASONS_OF_MEASURES.items() if word in plain), "other")
    return found, "" if plain in REASONS_OF_MEASURES else text
