"""姓氏笔画: the order of formal lists, by the strokes of surnames, equal counts by their shapes 横竖撇点折."""

from __future__ import annotations

_SURNAMES = (
    "丁卜人刁乜",
    "于干才万上山凡广门弓卫飞习马",
    "丰王井元韦云扎木支太区尤车巨戈水贝牛毛长仇从公月风乌凤勾殳卞文方火计尹孔巴邓双毋",
    "玉甘艾古左厉石龙平东占卢帅叶申田由史央冉丘付代白仝令印乐冬包冮冯玄闪兰宁司尼弘召皮边台",
    "匡式邢戎吉老巩朴权臣厍成尧毕至师曲同吕朱廷竹乔伍伏仲任华仰伊向后全危多邬庄刘齐次衣充闫问羊关米江汲池汤宇安军祁许农访那阮孙阳阴红纪",
    "寿麦扶贡芮花苍严劳苏杜巫杞李杨甫束豆邴来连轩步肖时吴里旷员别岑利邱体何但佟位佘余谷邸狄邹况库应冷辛冶间闵汪沐沙沃沈怀忻宋良初迟张陆陈妙姒邵邰",
    "奉武青者幸耶苗英苟范茅林枚松杭郁欧郏叔卓虎尚旺国昌畅明易岩罗图牧和季竺岳金郄采周鱼狐忽冼庞於郑单炎宝宗官空宓郎诗房居屈孟练细终经",
    "封项政赵贲郝荆荀荣胡荫茹药柯查相柏柳郦咸砂奎冒贵哈钟钦钭钮郜香秋段修信皇泉禹侯俟律须俞郗胆逄昝饶施闻闽闾养姜娄首洪洛恽宣宦宫祖祝费胥姚娜贺羿骆",
    "泰秦班敖素袁都耿聂莫莘晋桂桓格索鬲栗贾夏原顾顿柴党晁晏钱铁称秘候倪徒徐殷奚翁卿逢凌栾高郭席离唐益浦海浮家容宰诸诺谈陶姬通能桑",
    "理堵教黄菅萧萨梅检曹戚龚袭盛常眭曼跃鄂啜崔银矫笪符敏祭庹麻庾康鹿章阎盖清渠淳淡梁寇宿谌扈逯尉屠隋随隗隆巢",
    "琚越颉揭彭斯联葛董敬蒋韩惠覃粟赏量景喻黑锁智嵇程税答傲傅焦储舒鲁童阔曾湛湖温滑游富禄谢强疏缑",
    "瑞鄢靳蓝蒯蓟蓬蒲蒙楚裘赖甄雷訾虞鉴路简詹鲍解廉雍阙满滦慎骞窦褚",
    "静赫撖慕蔡蔺蔚臧辕裴管毓鲜雒廖韶阚漆谭肇暨翟熊缪",
    "樊暴稽黎德虢滕颜潘",
    "燕薛薄樵融霍冀穆衡澹",
    "璩戴鞠曙魏糜濮",
    "瞿",
    "酆籍",
    "夔",
    "穰",
)
"""Characters with which surnames begin: a line for each number of strokes, in the order of their shapes."""

_PLACES = {character: place for place, character in enumerate("".join(_SURNAMES))}

Key = tuple[int, str]


def is_placed(name: str) -> bool:
    """Tell whether a name's surname has a place; one that has none stands last and is for a person to put in order."""
    return name[:1] in _PLACES


def by_strokes(name: str) -> Key:
    """Return what a name is sorted by: the place of its surname, and within one surname the name itself."""
    return _PLACES.get(name[:1], len(_PLACES)), name


def unplaced(names: list[str]) -> tuple[str, ...]:
    """Return the names that stand last because nothing is known of their surname, in order."""
    return tuple(sorted({name for name in names if not is_placed(name)}))
