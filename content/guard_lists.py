"""What guards look for where nobody has said otherwise: phrases of frauds and adverts, and hosts that may be linked to.

Both lists are short on purpose. A phrase stands here only where it hardly ever stands in talk about work, and a whole
list can be left out by an organisation.
"""

from __future__ import annotations

import re

PHRASES = (
    *(
        "刷单返利",
        "刷单兼职",
        "兼职刷单",
        "日结兼职",
        "在家日赚",
        "躺赚",
        "稳赚不赔",
        "包赚不赔",
        "日入过千",
        "轻松月入过万",
    ),
    *("加微信领红包", "扫码领红包", "免费领红包", "进群领红包", "砍一刀", "帮我助力一下"),
    *("代开发票", "开发票加微", "办证刻章", "刻章办证", "代办信用卡", "套现秒到", "无抵押贷款", "黑户可贷", "征信修复"),
    *("网上赌场", "澳门赌场", "线上娱乐城", "博彩平台", "百家乐", "六合彩内幕", "私彩", "时时彩计划"),
    *("内幕股票", "荐股群", "牛股推荐群", "杀猪盘", "虚拟币挖矿", "跑分平台", "收购银行卡", "出租银行卡"),
    *("约炮", "裸聊", "成人视频", "上门服务小姐", "代写论文", "代考包过", "枪手替考", "代孕"),
    *("online casino", "sugar daddy", "whatsapp me for", "guaranteed profit", "double your bitcoin"),
)

HOSTS = frozenset(
    {
        *("gov.cn", "edu.cn", "12371.cn", "xuexi.cn", "people.com.cn", "people.cn", "cpc.people.com.cn"),
        *("xinhuanet.com", "news.cn", "cctv.com", "cctv.cn", "cntv.cn", "qstheory.cn", "gmw.cn", "ce.cn", "cri.cn"),
        *("ccdi.gov.cn", "chinadaily.com.cn", "china.com.cn", "youth.cn", "cyol.com", "workercn.cn", "81.cn"),
        *("mp.weixin.qq.com", "work.weixin.qq.com", "docs.qq.com", "meeting.tencent.com", "wj.qq.com"),
        *("kdocs.cn", "wjx.cn", "wjx.top", "jinshuju.net", "dingtalk.com", "feishu.cn", "shimo.im", "yuque.com"),
        *("baidu.com", "bilibili.com", "zhihu.com", "12306.cn", "chsi.com.cn", "cnki.net", "wikipedia.org"),
        "matrix.to",
    }
)

PROGRAMS = frozenset(
    (
        "exe",
        "apk",
        "bat",
        "cmd",
        "com",
        "scr",
        "msi",
        "vbs",
        "vbe",
        "js",
        "jse",
        "wsf",
        "ps1",
        "jar",
        "lnk",
        "reg",
        "hta",
    )
)
"""How the names of files end that run when they are opened."""

_GRADE = "(?:绝密|机密|秘密)"
_SECRETS = re.compile(
    rf"{_GRADE}\s?[★☆✭⭐]|密\s?级\s?[:：]\s?{_GRADE}"
    r"|(?:内部(?:资料|文件|材料)|涉密(?:资料|文件|材料)).{0,6}(?:严禁|不得|禁止|不准|请勿)(?:外传|扩散|传播|转发|复制)"
    r"|份\s?号\s?[:：]\s?0\d{2,8}(?!\d)"
)
"""The marks that a secret document bears by GB/T 9704: its grade before the star, its number, or a note to keep it."""


def looks_secret(plain: str) -> bool:
    """Tell whether a text bears the marks of a secret document; talk about secrecy bears none."""
    return _SECRETS.search(plain) is not None


def is_program(filename: str) -> bool:
    """Tell whether a file runs when it is opened, by the end of its name."""
    return filename.strip().rstrip(".").rpartition(".")[2].lower() in PROGRAMS
