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
