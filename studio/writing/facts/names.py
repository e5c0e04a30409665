"""Names in a text as far as rules can find them: people, organisations, places, titles, codes.

No model is asked, so that the answer is the same everywhere. What rules cannot tell is left out:
common words at the beginning of a sentence, headings in which every word is capitalised, Chinese
names without a title, an ending or a verb of speech beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

from studio.writing.facts.common_words import are_common

NameKind: TypeAlias = Literal["latin", "person", "organisation", "place", "title", "code"]


class Name(Struct, frozen=True):
    """A name and where it stands: `text[start:end]`."""

    text: str
    kind: NameKind
    start: int
    end: int


_LATIN_WORD = r"[A-ZÀ-Þ][A-Za-z\d_'’&À-ÿ]*(?:[-.][A-ZÀ-Þ\d][A-Za-z\d_À-ÿ]*)*"
_JOINED_BY = r"(?:of|the|de|da|del|van|von|der|den|di|al|bin)"
_LATIN = re.compile(
    rf"(?<![A-Za-z\d_.@/#])(?:{_LATIN_WORD})(?:[ ](?:{_JOINED_BY}[ ]){{0,2}}{_LATIN_WORD}"
    r"|[ ]\d{1,4}"
    r"(?![\d.,%:-])){0,7}"
)
_CODE = re.compile(
    r"(?<![A-Za-z\d/@.])(?<![A-Za-z\d]-)(?=[A-Za-z\d-]{0,40}\d)(?=[A-Za-z\d-]{0,40}[A-Za-z])[A-Za-z\d]{1,40}(?:-[A-Za-z\d]{1,40}){0,6}(?![A-Za-z\d/@-])"
)
_ADDRESS = re.compile(
    r"https?://[^\s<>\"'，。；）]+|www\.[^\s<>\"'，。；）]+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{1,64}\w"
    r"|(?<![\d-])(?:\+\d{1,3}[- ])?(?:0\d{2,3}[- ]\d{7,8}"
    r"|\(?\d{3,4}\)?[- ]\d{3,4}[- ]\d{3,4}|\d{3}-\d{4})"
    r"(?![\d-])|(?<!\d)1[3-9]\d{9}(?!\d)"
)
_SENTENCE_START = re.compile(r"(?:^|[^\w\s,)\]\"”’'&/%])\s*[\"“'‘(*_#\s]*$|[\"“‘(]$|\n\s*$")
_ENUMERATION = re.compile(
    r"(?m)^[ \t>#*-]*(?:\(?\d{1,3}[.)、:](?=\s|[^\d\s])"
    r"|第[一二三四五六七八九十\d]+[章节步条部项点、，])"
)
_CALENDAR = frozenset(
    (
        "January February March April May June July August September October November December"
        " Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Monday Tuesday Wednesday Thursday"
        " Friday Saturday Sunday Q1 Q2 Q3 Q4 AM PM"
    ).split()
)
TITLES_BEFORE = frozenset(
    "professor headteacher captain coach president minister director chairman chairwoman chair"
    " chief judge officer inspector doctor senator mayor king queen prince princess pope saint"
    " uncle aunt analyst author curator manager editor".split()
)
_COMMON = frozenset(
    (
        "I I'm I've I'll I'd OK CEO CFO CTO COO AI IT TV UK US USA EU UN GDP PR HR FAQ PDF DIY AD"
        " BC BCE CE VIP URL ID PhD MSc BSc MBA Mr Mrs Ms Dr Prof Sir Madam Dear Hello Hi Yours"
        " Sincerely Earth Celsius Fahrenheit Mondays Tuesdays"
        " Wednesdays Thursdays Fridays Saturdays Sundays English Chinese"
        " French German Spanish Italian Japanese European American"
        " Norwegian Swedish Danish Finnish Dutch Polish Russian Turkish Greek Portuguese Irish"
        " Scottish Welsh Swiss Austrian Belgian Canadian Australian Brazilian Mexican Indian Korean"
        " Thai Vietnamese Indonesian Egyptian Israeli Ukrainian Czech Hungarian Arabic Latin Nordic"
        " British Asian African Victorian Georgian Edwardian Tudor Gothic Roman"
        " Eastern Western Northern Southern Central"
        " Christmas Easter Internet Web App Note Title Headline Subject"
    ).split()
)
_OF_CONTRACTS = frozenset(
    (
        "Agreement Contract Party Partie Company Customer Client Employee Employer Tenant Landlord"
        " Seller Buyer Licensee Licensor Lessee Lessor Contractor Supplier Provider Schedule"
        " Section Article Clause Annex Appendix Service Product Property Premise Effective Term"
    ).split()
)
"""Words that contracts write with a capital, without the s of the plural."""
_DETERMINED = re.compile(r"\b(?:this|the|that|said)\s$", re.IGNORECASE)
_ADDRESSED = frozenset(
    "all families parents colleagues customers residents members students guests neighbours"
    " neighbors friends team readers visitors pupils staff everyone participants guardians".split()
)
_FUNCTION_WORDS = frozenset(
    (
        "the a an this that these those it its he she they we you i his her their our your my in"
        " on at of for from by with to and or but as if when while after before since during until"
        " although because so yet nor not no is are was were has have had will would can could"
        " should may might must do does did there here what which who where why how all both each"
        " every some any many most more less few several other another such then now today"
        " yesterday tomorrow also just only even still never always often over under between among"
        " about against into through meanwhile however moreover therefore overall additionally"
        " furthermore according despite thanks first second third next last finally one two three"
        " four five six seven eight nine ten let come get join discover try meet introducing"
        " experience enjoy buy visit call"
    ).split()
)
_ORGANISATION_ENDING = (
    "有限责任公司|股份有限公司|有限公司|公司|集团|银行|大学|学院|中学|小学|医院|研究院|研究所|协会|俱乐部|出版社|法院"
    "|委员会|基金会|团队|证券|实业|酒店|餐厅|咖啡馆|书店|博物馆|图书馆|美术馆|足球队|篮球队|联队|队"
)
_ORGANISATION = re.compile(
    rf"[\u4e00-\u9fffA-Za-z]{{1,14}}?(?:{_ORGANISATION_ENDING})(?!长|员|伍|列|友|章)"
)
_BEFORE_A_NAME = re.compile(
    r"^.*(?:[的在与和由向对从至到为是被让把将给于同及或跟了过着说称让请问去来回该本这那各某家所每名位个]"
    r"|表示|宣布|成立|加入|来自|位于|就读|击败|战胜|负于|收购|作为|担任|目前|其中|以及|昨日|今日|昨天|今天|日)"
)
_GENERIC = frozenset(
    (
        "公司 集团 银行 大学 学院 医院 科技 酒店 餐厅 球队 俱乐部 书店 分公司 子公司"
        " 母公司 总公司 上市公司 科技公司 有限公司 全队 两队 主队 客队 团队 部队 军队"
        " 乐队 车队 排队 国家队 对手队 其他公司 互联网公司 高科技 新科技 黑科技 商业银行"
        " 中央银行 央行 重点大学 中小学 中学 小学 股份有限公司 博物馆 图书馆 人民法院"
        " 法院 委员会"
    ).split()
)
_IN_LINE = re.compile("[排带组归领列插入离].?队$")
_GENERAL_STEM = re.compile(
    "[一二两三四五六七八九十多几数各某每全本该此其这那我你他您贵敝的和与及或等]"
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔"
    "钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐伍"
    "水叶冉兰冷阎柳洪焦翟颜俞倪岳季申苗骆聂左关包祝路祁尤阮童辛舒卓柯褚裴洛席房霍沙鲁"
)
_GIVEN = r"[\u4e00-\u9fff]{1,2}?"
_TITLES = (
    "先生|女士|小姐|教授|博士|院士|医生|医师|律师|法官|老师|校长|院长|主任|经理|总经理|董事长|总裁|总监|主席|书记|部长|局长"
    "|市长|省长|县长|记者|编辑|教练|主教练|队长|球员|前锋|后卫|门将|中场|导演|演员|歌手|作家|诗人|画家|设计师|工程师|创始人"
    "|负责人|发言人|首席执行官|首席财务官|店长|同学|师傅|厨师"
)
_SPEECH = "表示|称|指出|介绍|认为|宣布|告诉|透露|强调|回忆|坦言|解释|补充|写道|说"
_PERSON = (
    re.compile(
        rf"(?:{_TITLES})(?P<name>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}?)(?=[，。、；：！？,.;:!?\s（(在是和与的说为将对于从向被及操执率带打领亲主担荣获夺攻拿射凭独挥演讲授来现致先又再也还就都则不没未被这那]|{_SPEECH}|$)"
    ),
    re.compile(rf"(?<![\u4e00-\u9fff])(?P<name>[{_SURNAMES}]{_GIVEN})(?={_TITLES}|{_SPEECH})"),
    re.compile(
        rf"(?<=[，。、；：的和与由（(])(?P<name>[{_SURNAMES}]{_GIVEN})(?={_TITLES}|{_SPEECH})"
    ),
    re.compile(
        rf"(?:叫|名叫|叫做|姓名|名为|作者|联系人)[:：]?\s?(?P<name>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}})(?=[，。、；！？,.;!?\s]|$)"
    ),
)
_NO_PERSON = frozenset(
    (
        "施工 水深 高达 高于 石化 金额 方面 方便 文化 文艺 成人"
        " 时间 关于 任何 任务 安全 安排 单位 全部 万元 余额"
    ).split()
)
_WEEKDAY = re.compile("周[一二三四五六日末内年期]")
_NUMERALS = tuple("0123456789十百千万亿")
_TITLE = re.compile(r"《([^《》\n]{1,40})》")
_PLACES = frozenset(
    (
        "北京 上海 天津 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西"
        " 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古"
        " 广西 西藏 宁夏 新疆 香港 澳门 石家庄 太原 沈阳 大连 长春 哈尔滨 南京 苏州"
        " 无锡 常州 南通 徐州 杭州 宁波 温州 绍兴 嘉兴 合肥 福州 厦门 泉州 南昌 济南"
        " 青岛 烟台 郑州 洛阳 武汉 宜昌 长沙 株洲 广州 深圳 珠海 佛山 东莞 惠州 南宁"
        " 桂林 海口 三亚 成都 绵阳 贵阳 昆明 大理 丽江 拉萨 西安 咸阳 兰州 西宁 银川"
        " 乌鲁木齐 呼和浩特 中国 美国 英国 法国 德国 日本 韩国 俄罗斯 印度 意大利"
        " 西班牙 葡萄牙 荷兰 瑞士 瑞典 挪威 芬兰 丹麦 波兰 加拿大 澳大利亚 新西兰 巴西"
        " 印尼 伊朗 伊拉克 沙特 以色列 希腊 捷克 匈牙利 奥地利 比利时 爱尔兰 乌克兰 智利 秘鲁"
        " 哥伦比亚 古巴 肯尼亚 尼日利亚 摩洛哥 巴基斯坦 斯里兰卡 缅甸 柬埔寨 老挝 哈萨克斯坦"
        " 卡塔尔 阿联酋 冰岛 克罗地亚 塞尔维亚 罗马尼亚 米兰 威尼斯 巴塞罗那 阿姆斯特丹 维也纳"
        " 阿根廷 墨西哥 埃及 南非 泰国 越南 新加坡 马来西亚 印度尼西亚 菲律宾 土耳其"
        " 伦敦 巴黎 柏林 东京 大阪 首尔 纽约 洛杉矶 旧金山 莫斯科 罗马 马德里 悉尼"
        " 墨尔本 多伦多 曼谷 迪拜"
    ).split()
)
_PLACE = re.compile("|".join(sorted(_PLACES, key=len, reverse=True)))
_SOMEWHERE = re.compile(
    r"(?:位于|坐落于|坐落在|地处|来自|前往|落户|藏在|[在于赴至到])"
    r"(?P<name>[\u4e00-\u9fff]{1,4}?(?:山|湖|岛|江|河|镇|县|古镇|大道|路|街|机场))"
    r"(?=[的，。、；！？,.;!?\s举开召附旁边脚畔上]|$)"
)
_NOWHERE = re.compile(
    "[一二两三四五六七八九十多几数各某每全本该此其这那我你他她的和与及或等小大高老新美半整沿冰雪深青荒]"
    "|公|马|道|上|下|街|江|机场|思|线|回|走|套|出|后|来"
)


def addresses(text: str) -> Iterator[Name]:
    """Yield web and mail addresses and telephone numbers."""
    for match in _ADDRESS.finditer(text):
        yield Name(match.group().rstrip("."), "code", match.start(), match.end())


def enumerations(text: str) -> Iterator[tuple[int, int]]:
    """Yield where lines are numbered ("1. ", "第三章"): no figures of the text."""
    for match in _ENUMERATION.finditer(text):
        yield match.span()


def codes(text: str) -> Iterator[Name]:
    """Yield words of letters and digits: models, standards, article numbers."""
    for match in _CODE.finditer(text):
        word = match.group()
        if re.fullmatch(
            r"\d{1,2}h\d{0,2}|(?:\d{1,2}(?:[ap]m)?-)?\d{1,2}[ap]m|\d{1,2}[ap]m-\d{1,2}|\d+(?:st|nd|rd|th|s|[a-zA-Z]{1,3}\d?|-[A-Za-z-]+)|Q[1-4]|H[12]"
            r"|(?:mid|early|late|pre|post)-\d{4}|\d+-\d+[A-Za-z]+"
            r"|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)"
            r"-\w+",
            word,
            re.IGNORECASE,
        ):
            continue  # 5kg, 1990s, Q3, 35-year-old
        if word[0].islower() and word.islower():
            continue  # under-16s
        yield Name(word, "code", match.start(), match.end())


def latin_names(text: str) -> Iterator[Name]:
    """Yield capitalised names, without the common words that a sentence begins with."""
    headings = list(_headings(text))
    lower = set(re.findall(r"\b[a-zà-ÿ][\w'’]+", text))
    for match in _LATIN.finditer(text):
        if any(start <= match.start() < end for start, end in headings):
            continue
        start, words = match.start(), match.group()
        is_first = starts_sentence = bool(_SENTENCE_START.search(text[max(0, start - 12) : start]))
        parts = words.split(" ")
        while parts and (
            parts[0] in _CALENDAR
            or parts[0] in _COMMON
            or (
                is_first
                and (
                    _is_common(parts[0], lower)
                    or ((len(parts) == 1 or parts[1].isdigit()) and _is_plain(parts[0]))
                )
            )
            or parts[0].casefold() in _FUNCTION_WORDS
        ):
            start += len(parts[0]) + 1
            parts = parts[1:]
            is_first = False
        while parts and (
            parts[-1] in _CALENDAR
            or parts[-1].casefold() in _FUNCTION_WORDS
            or (parts[-1].isdigit() and len(parts) == 1)
        ):
            parts = parts[:-1]
        if not parts or (len(parts) == 1 and len(parts[0].rstrip("'’")) < 2):
            continue
        if parts[-1].rstrip("s") in _OF_CONTRACTS and _DETERMINED.search(text[:start][-6:]):
            continue
        if len(parts) == 1 and (
            parts[0].rstrip("'’s") in _OF_CONTRACTS
            or (start == match.start() and starts_sentence and _is_plain(parts[0]))
            or (parts[0].casefold() in _ADDRESSED and text[max(0, start - 5) : start] == "Dear ")
        ):
            continue
        name = re.sub(r"['’]s?$", "", " ".join(parts))
        yield Name(name, "latin", start, start + len(name))


def _is_common(word: str, lower: set[str]) -> bool:
    return word.casefold() in _FUNCTION_WORDS or word.casefold() in lower


def _is_plain(word: str) -> bool:
    """Return whether a single word at the start of a sentence may be any word: only its first
    letter is a capital."""
    return word[1:].islower() or not word[1:]


def _headings(text: str) -> Iterator[tuple[int, int]]:
    """Yield lines in which nearly every longer word is capitalised."""
    position = 0
    for line in text.splitlines(keepends=True):
        words = [word for word in re.findall(r"[A-Za-z][\w'’-]*", line) if len(word) > 3]
        capital = sum(word[0].isupper() for word in words)
        ends = line.rstrip().endswith((".", "。", "!", "?", ",", ";"))
        is_title = len(words) >= 3 and capital >= 0.8 * len(words)
        if (words and line.isupper()) or (is_title and (not ends or len(words) <= 12)):
            yield position, position + len(line)
        position += len(line)


def chinese_names(text: str) -> Iterator[Name]:
    """Yield people beside a title or a verb of speech, organisations, places, titles of works."""
    taken: list[tuple[int, int]] = []
    for match in _TITLE.finditer(text):
        taken.append(match.span())
        yield Name(match[1], "title", match.start(1), match.end(1))
    for pattern in _PERSON:
        for match in pattern.finditer(text):
            span = match.span("name")
            if any(start < span[1] and span[0] < end for start, end in taken):
                continue
            if _WEEKDAY.match(match["name"]) or match["name"][:2] in _NO_PERSON:
                continue
            if text[span[0]] in "余多" and text[span[0] - 1 : span[0]] in _NUMERALS:
                continue  # 万余件
            taken.append(span)
            yield Name(match["name"], "person", *span)
    for match in _ORGANISATION.finditer(text):
        before = _BEFORE_A_NAME.match(match.group())
        start = match.start() + (before.end() if before else 0)
        name = text[start : match.end()]
        if name in _GENERIC or len(organisation_stem(name)) < 2 or _IN_LINE.search(name):
            continue
        yield Name(name, "organisation", start, match.end())
    for match in _PLACE.finditer(text):
        if match.group() == "中国" and (
            text[match.start() - 1 : match.start()] == "其"
            or text[match.end() : match.end() + 1] == "际"
        ):
            continue  # 其中国际
        yield Name(match.group(), "place", *match.span())
    for match in _SOMEWHERE.finditer(text):
        if not _NOWHERE.search(match["name"][:-1]) and not _PLACE.search(match["name"]):
            yield Name(match["name"], "place", *match.span("name"))


def like_persons(text: str, names: Iterable[str]) -> Iterator[tuple[Name, str]]:
    """Yield where a name of Chinese characters stands with one of them changed, or cut short."""
    for name in names:
        if name in text or not 2 <= len(name) <= 4:
            continue
        ways = [name[:at] + "[\u4e00-\u9fff]" + name[at + 1 :] for at in range(1, len(name))]
        if len(name) == 2:
            ways = []
        ways.append(f"[{_SURNAMES}]" + name[1:])
        if len(name) == 3:
            ways.append(name[:2])
        for match in re.finditer("|".join(ways), text):
            yield Name(match.group(), "person", *match.span()), name
            break


def listed_persons(text: str) -> Iterator[str]:
    """Yield what may be names of people in a list of facts: a surname and one or two characters
    between blanks or punctuation."""
    for match in re.finditer(
        rf"(?<![\u4e00-\u9fff\d])[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}(?![\u4e00-\u9fff])", text
    ):
        name = match.group()
        is_word = bool(_WEEKDAY.match(name)) or name[:2] in _NO_PERSON
        if not is_word and name[-1] not in "约为达超共不没":
            yield name


def persons_with_roles(text: str) -> Iterator[str]:
    """Yield names of two or three characters that take a role: 董倩为首席运营官."""
    for match in re.finditer(
        rf"(?<![\u4e00-\u9fff])(?P<name>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}?)"
        r"(?=(?:为|任|担任|出任|接任|接替|升任|当选|兼任))",
        text,
    ):
        yield match["name"]


def is_general(stem: str) -> bool:
    """Return whether the first part of an organisation's name names none: 本地银行, 一家公司."""
    return bool(_GENERAL_STEM.search(stem)) or are_common(stem)


def organisation_stem(name: str) -> str:
    """Return what names an organisation, without its ending: 华新 of 华新集团."""
    return re.sub(rf"(?:{_ORGANISATION_ENDING})+$", "", name)
