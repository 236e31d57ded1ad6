"""The sample organisation: one general branch, three branches, their groups and people; every name is made up."""

from __future__ import annotations

from msgspec import Struct


class Person(Struct, frozen=True, kw_only=True):
    """Someone of the sample roster; ``account`` is the part of their Matrix id before the server."""

    account: str
    name: str
    group: str
    category: str = "正式党员"
    position: str = ""
    status: str = "正常"
    post: str = ""


class SampleBranch(Struct, frozen=True, kw_only=True):
    """A branch with its groups and people."""

    key: str
    name: str
    groups: tuple[str, ...]
    people: tuple[Person, ...]


class Absent(Struct, frozen=True, kw_only=True):
    """Who is away, for so many days, and the days ago on which there was contact and on which reports came."""

    name: str
    place: str
    days: int
    contact: str
    reason: str = "work"
    abroad: bool = False
    returns: int = 0
    host: str = ""
    contacts: tuple[int, ...] = ()
    reports: tuple[tuple[int, tuple[str, ...], str], ...] = ()


GENERAL_BRANCH = "云岭车站党总支"
ORGANISER = "wangli"
SHOWN_MEMBER = "sunwei"
"""Whose login the screen shows: someone who does not answer by themselves, so that a newcomer can."""

BOT_NAME = "支部助手"


def _people(lines: str) -> tuple[Person, ...]:
    people = []
    for line in lines.strip().splitlines():
        account, name, group, category, status, position, post = (part.strip() for part in line.split("|"))
        people.append(
            Person(
                account=account,
                name=name,
                group=group,
                category=category or "正式党员",
                status=status or "正常",
                position=position,
                post=post,
            )
        )
    return tuple(people)


_FIRST = """
wangli       |王丽  |第一党小组|        |        |组织委员|值班员
liqiang      |李强  |第一党小组|        |        |支部书记|站长
zhangming    |张明  |第一党小组|        |        |        |信号工
chenyuan     |陈远  |第一党小组|        |        |宣传委员|客运员
zhaohe       |赵禾  |第一党小组|        |        |        |客运员
sunwei       |孙蔚  |第一党小组|        |        |        |调车员
zhoulan      |周岚  |第一党小组|        |        |        |售票员
wubin        |吴滨  |第一党小组|        |        |        |信号工
zhengqiu     |郑秋  |第二党小组|        |        |纪检委员|安全员
fenglin      |冯林  |第二党小组|        |        |        |值班员
chuyun       |褚云  |第二党小组|        |        |        |客运员
weidong      |卫东河|第二党小组|        |        |        |装卸工
jiangnan     |蒋楠  |第二党小组|        |        |        |客运员
shenyi       |沈一  |第二党小组|        |        |        |信号工
hanxue       |韩雪  |第二党小组|        |        |        |售票员
yangfan      |杨帆  |第二党小组|        |        |        |调车员
zhulei       |朱蕾  |第三党小组|        |        |        |值班员
qinchuan     |秦川  |第三党小组|        |        |        |线路工
youjia       |尤佳  |第三党小组|        |        |        |线路工
xuzhou       |许舟  |第三党小组|        |        |        |线路工
hejing       |何静  |第三党小组|        |留党察看|        |客运员
lvan         |吕安  |第一党小组|预备党员|        |        |信号工
shimei       |施梅  |第二党小组|预备党员|        |        |售票员
zhangtao     |张涛  |第三党小组|预备党员|        |        |线路工
"""

_SECOND = """
kongyu       |孔雨  |运转党小组|        |        |支部书记|值班员
caohai       |曹海  |运转党小组|        |        |        |调车员
yanqing      |严清  |运转党小组|        |        |        |信号员
huaxin       |华欣  |货运党小组|        |        |组织委员|货运员
jinlu        |金露  |货运党小组|        |        |        |货运员
weiran       |魏然  |货运党小组|预备党员|        |        |货检员
"""

_THIRD = """
taozhi       |陶芷  |检修党小组|        |        |支部书记|检车员
jiangwen     |姜文  |检修党小组|        |        |        |检车员
qixuan       |戚轩  |检修党小组|        |        |        |钳工
xiefei       |谢飞  |检修党小组|        |        |组织委员|检车员
zouyang      |邹阳  |检修党小组|        |        |        |钳工
"""

BRANCHES = (
    SampleBranch(
        key="station",
        name="客运车站党支部",
        groups=("第一党小组", "第二党小组", "第三党小组"),
        people=_people(_FIRST),
    ),
    SampleBranch(key="freight", name="货运车间党支部", groups=("运转党小组", "货运党小组"), people=_people(_SECOND)),
    SampleBranch(key="depot", name="车辆检修党支部", groups=("检修党小组",), people=_people(_THIRD)),
)

EVENT_TITLE = "主题党日：站台安全隐患大家找"
EVENT_BODY = """集合：一楼大厅，请穿反光背心。

内容：

- 学习《铁路安全（线路与站台）》
- 三人一组走一遍站台，记下看到的隐患
- 回会议室议一议，能当场改的当场改

预计 90 分钟。当班同志可以请假，之后看补学卡片。
"""

PAST = (
    ("客流高峰前的安全提醒", "高峰前先看三处：扶梯口、安全线、应急门。看到拥堵先喊停，再报值班站长。"),
    ("车门夹人夹物怎么办", "先按紧急停车，再喊人。车停稳之前，谁也不去拉门。"),
    ("学习《中国共产党章程》总纲", "读一遍总纲，想一想：为人民服务落在我的岗位上，是哪一件小事？"),
    ("冬季防滑防冻", "撒盐、铺垫、立牌，一样不落；自己走路也踩实了再迈步。"),
    ("一次说得清的交接班", "交接班说三句：做了什么，没做完什么，要当心什么。"),
    ("重点旅客怎么帮", "先问需要什么，再伸手。轮椅从后面推，过缝倒着走。"),
    ("学习《支部工作条例》第十四条", "条例说支部党员大会一般每季度召开一次。想一想：上一次我提了什么？"),
    ("电动扶梯急停", "红色按钮在上下两头的裙板上。按之前先喊一声：扶好，要停了。"),
)
"""What was learned in the weeks before, oldest first."""

LEAVE = "倒班"
AWAY = (
    Absent(
        name="尤佳",
        place="四川成都",
        days=240,
        contact="李强",
        host="成都某社区党委",
        contacts=(180, 60, 13),
        reports=(
            (
                190,
                ("到成都支援新线施工，住在工地，一切都好。", "每周跟着群里的课学，防汛那一课正好用上。"),
                "看到了，工地上注意安全，年底回来谈谈。",
            ),
            (12, ("新线下月联调，我在通信工区。", "组织生活跟着工地临时支部过，身边的老师傅带我多。"), ""),
        ),
    ),
    Absent(name="秦川", place="广东深圳", days=75, contact="王丽", reason="study", returns=60, contacts=(40,)),
    Absent(
        name="许舟",
        place="德国汉堡",
        days=205,
        contact="李强",
        reason="study",
        abroad=True,
        returns=160,
        contacts=(195,),
    ),
)
"""Who is away: what is due of whom follows from the days."""
MEETING = ("第四季度支部党员大会", ("通报第三季度工作", "讨论冬季站台保障方案", "讨论下季度主题党日"))
NEXT_MEETING = ("年度工作总结会", ("通报全年工作", "征求意见"))
MEETING_PLACE = "车站二楼会议室"
CHAIR_AND_RECORDER = ("李强", "王丽")
DECIDED = "同意冬季站台保障方案：早晚高峰各加一班党员岗。"
ASSIGNED = ("张明", "联系扶手厂家，给三号站台加装扶手", 14)
MINUTES = """一、李强通报第三季度工作：客流平稳，站台隐患整改 9 处。
二、讨论冬季站台保障方案，大家同意早晚高峰各加一班党员岗。
三、下季度主题党日先征求意见，下次再定。"""
REMARKS = """郑秋：三号站台扶手松动，下雪天容易滑。
吴滨：早高峰人手够，晚高峰要再排一下。"""
CALLED = "会上点名"
POLL = ("十二月的主题党日去哪里？", "铁路博物馆", "站前社区义务劳动", "红色影院")
SURVEY_TITLE = "支部工作意见征求"
SURVEY = """岗位
- 站台
- 票务
- 运转

# 哪些形式您常参加
- 群里的学习
- 党课
- 主题党日

% 学习的分量合适吗

还有什么建议"""
CANDIDATES = ("张明", "赵禾", "吴滨", "褚云")
TELLERS = ("郑秋", "冯林", "周岚")
BALLOT_TITLE = "年度优秀共产党员推荐"
SELECTION_TITLE = "季度党员先锋岗"
ELECTION_TITLE = "支部委员会补选"
ELECTION_CONSENT = "云岭党总支〔2026〕7 号"

SAID = "转发！转发！转发！（同一条消息两分钟内发了十二遍）"
NOTED = "当面聊过，是孩子拿手机玩。再有就禁言两小时。"

TURNS = "白 08:00-20:00\n夜 20:00-08:00"
GROUPS = "甲 白夜休休\n乙 休白夜休\n丙 休休白夜\n丁 夜休休白"
LECTURE_TITLE = "从一张检修单看初心"
LECTURE_SPEAKER = "陶芷"
LECTURE_PLACE = "车辆检修二楼学习室"
LECTURE_BODY = """- 一张 1987 年的检修单
- 签字的人后来去了哪里
- 今天我们在单子上写什么

想问的可以先提，不想署名也行。
"""
IN_SESSIONS = (
    "夜里检修先看三样",
    "先看灯，再看垫木，最后看人：灯不亮不下坑，垫木不实不上车，人不齐不开工。",
)

HELD = ("站前广场清雪", "车站站前广场", "早班下来的同志两点集合，工具队里备好。")
TELLS = ("郑秋", "雪边下边扫，扫完回头看，出站口那一溜没人再滑倒。")
CAPTION = "扫完的站台"
CAME = 18
ACCOUNT = "十八位同志分三组，清了出站口、盲道和公交站台，撒盐四袋，给等车的老人搬了行李。"
OUTCOME = "当晚没有旅客滑倒。"
PARTNERS = "站前社区"
COMING = ("灭火器实操", "车站消防器材室门口", "每人过一遍：提、拔、握、压。穿工装来，练完就散。")
PLACES = 20
SIGNED_UP = (("吴滨", "+1"), ("张明", "带1"), ("周岚", "+1"))
"""Who has signed up by now, and with which words."""


class Promised(Struct, frozen=True, kw_only=True):
    """A pledge of the sample; days are counted from today, ``progress`` is when, percent and words."""

    matter: str
    measure: str
    owner: str
    made: int
    due: int
    progress: tuple[tuple[int, int, str], ...]


PLEDGES = (
    Promised(
        matter="给二号站台加装扶手",
        measure="两侧都装上，夜里摸得到",
        owner="郑秋",
        made=-90,
        due=-12,
        progress=((-40, 30, "位置量好了，报了材料"), (-21, 60, "扶手已到货")),
    ),
    Promised(
        matter="每月走访一个夜班班组",
        measure="全年十二次，次次有记录",
        owner="张明",
        made=-80,
        due=45,
        progress=((-15, 75, "走访了检修班组，记下三条建议"),),
    ),
    Promised(
        matter="修好值班室的热水器",
        measure="冬天前能用",
        owner="周岚",
        made=-70,
        due=3,
        progress=((-6, 100, "换了加热管"),),
    ),
)
PLEDGE_ASKER = "吴滨"
PLEDGE_ASKED = ("扶手什么时候装好？", "安装队下周二进场，两天装完。")
PLEDGE_KEPT = "换了加热管，用了一周没问题。"
