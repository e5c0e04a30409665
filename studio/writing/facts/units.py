"""Units of measurement, money and counting, as they are written in English and Chinese."""

from __future__ import annotations

import re
from decimal import Decimal

from msgspec import Struct


class Unit(Struct, frozen=True):
    """What a number counts: its dimension, and how many base units of it one unit is."""

    dimension: str
    factor: Decimal = Decimal(1)


_TABLE = """
percent 1: % percent per\\scent pct
percentage_point 1: 个百分点 百分点 percentage\\spoints?
percentage_point 0.01: 个基点 基点 basis\\spoints? bps
CNY 1: 元人民币 人民币元 人民币 元 块钱 块 RMB CNY yuan renminbi
CNY 0.1: 角 毛(?=钱)
USD 1: 美元 美金 US\\sdollars? dollars? USD
USD 0.01: 美分 cents?
EUR 1: 欧元 euros? EUR
GBP 1: 英镑 pounds?\\ssterling GBP
GBP 0.01: pence p
pound 1: pounds?
JPY 1: 日元 日圆 yen JPY
HKD 1: 港元 港币 HKD
KRW 1: 韩元 won KRW
CHF 1: 瑞士法郎 Swiss\\sfrancs? francs? CHF
AUD 1: 澳元 Australian\\sdollars? AUD
CAD 1: 加元 Canadian\\sdollars? CAD
INR 1: 卢比 rupees? INR
SEK 1: kronor SEK
RUB 1: 卢布 roubles? rubles? RUB
THB 1: 泰铢 baht THB
length 0.001: 毫米 mm millimet(?:re|er)s?
length 0.01: 厘米 公分 cm centimet(?:re|er)s?
length 1: 米 公尺 m met(?:re|er)s?
length 1000: 千米 公里 km kilomet(?:re|er)s?
length 500: 里地 里路
length 0.0254: 英寸 inch(?:es)? in(?=[\\s.,;]|$)(?!\\s[a-z\\d])
length 0.3048: 英尺 feet foot ft
length 1852: 海里 nautical\\smiles? NM
length 1609.344: 英里 miles?
area 0.0001: 平方厘米 cm² cm2
area 1: 平方米 平米 m² ㎡ m2 sqm sq\\sm square\\smet(?:re|er)s?
area 10000: 公顷 hectares? ha
area 666.6667: 亩
area 1000000: 平方公里 平方千米 km² km2 square\\skilomet(?:re|er)s?
area 0.09290304: 平方英尺 square\\sf(?:ee|oo)t sq\\sft
area 4046.8564224: 英亩 acres?
volume 1: 升 l L lit(?:re|er)s?
volume 0.01: cl centilit(?:re|er)s?
volume 0.001: 毫升 ml mL millilit(?:re|er)s?
volume 1000: 立方米 m³ m3 cubic\\smet(?:re|er)s?
mass 0.001: 毫克 mg milligrams?
mass 1: 克 g grams? grammes?
mass 1000: 千克 公斤 kg kilograms? kilos?
mass 1000000000000: Mt megatonnes?
mass 1000000000: kt kilotonnes?
mass 500: 斤
mass 1000000: 吨 tonnes? tons?
mass 453.59237: 磅 lbs?
mass 28.349523125: 盎司 ounces? oz
time 0.001: 毫秒 ms milliseconds?
time 1: 秒钟 秒 s secs? seconds?
time 60: 分钟 min mins? minutes?
time 900: 刻钟
time 3600: 个小时 小时 个钟头 钟头 h hrs? hours?
time 86400: 个工作日 工作日 天 日 working\\sdays? business\\sdays? days?
time 604800: 个星期 星期 周 weeks?
month 1: 个月 months?
month 3: 个季度 quarters?
month 12: 周年 个年头 年头 年 years? yrs?
month 120: decades?
age 1: 周岁 岁 years?[\\s-]olds? year-olds?
star 1: 星级 星(?=酒|宾|民|饭|[\\s，。；、,;]|$) stars?
energy 0.001: Wh 瓦时 watt[\\s-]hours?
energy 1000: 兆瓦时 MWh megawatt[\\s-]hours?
energy 1000000: 吉瓦时 GWh gigawatt[\\s-]hours?
energy 1000000000: TWh
bandwidth 0.001: kbit/s kbps Kbps
bandwidth 1: Mbit/s Mbps
bandwidth 1000: Gbit/s Gbps
bandwidth 1000000: Tbit/s Tbps
energy 1: 千瓦时 kWh 度电 kilowatt[\\s-]hours?
power 0.001: 瓦 W watts?
power 1: 千瓦 kW kilowatts?
power 1000: 兆瓦 MW megawatts?
power 1000000: 吉瓦 GW gigawatts?
power 0.7355: 马力 hp horsepower
data 1: KB kB
data 1000: MB 兆字节
data 1000000: GB gigabytes?
data 1000000000: TB terabytes?
frequency 1: MHz
frequency 1000: GHz
charge 1: 毫安时 毫安 mAh
temperature 1: °C ℃ C 摄氏度 degrees?\\scelsius degrees?\\sc
fahrenheit 1: °F ℉ F 华氏度 degrees?\\sfahrenheit
degree 1: ° 度 degrees?
speed 1: km/h kph 公里/小时 千米/小时 公里每小时 kilomet(?:re|er)s?\\s(?:per|an)\\shour
speed 1.609344: mph miles?\\s(?:per|an)\\shour
sound 1: dB 分贝 decibels?
pixel 1: px 像素 pixels?
pixel 1000000: megapixels? MP
fold 1: 倍 times(?=\\s(?:as|more|higher|larger|faster|the)\\b) -?fold x(?![A-Za-z])
discount 1: 折
tenth 10: 成(?![为立功员长本就果都交人])
"""

_MONEY = set("CNY USD EUR GBP JPY HKD KRW CHF AUD CAD INR SEK RUB THB".split())
SYMBOLS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY", "HK$": "HKD", "RMB": "CNY"}
SYMBOLS |= {"A$": "AUD", "C$": "CAD"}
SYMBOLS |= {"CHF": "CHF", "GBP": "GBP", "AUD": "AUD", "CAD": "CAD", "HKD": "HKD", "JPY": "JPY"}
SYMBOLS |= {"CNY": "CNY", "USD": "USD", "EUR": "EUR", "人民币": "CNY", "港币": "HKD"}
SYMBOLS |= {
    "美元": "USD",
    "美金": "USD",
    "欧元": "EUR",
    "英镑": "GBP",
    "日元": "JPY",
    "韩元": "KRW",
}
"""What stands before a sum of money."""

PERSONS = frozenset(["人", "名", "位", "people", "persons"])


def _units() -> list[tuple[str, str, str]]:
    out = []
    for line in _TABLE.strip().splitlines():
        head, _, forms = line.partition(": ")
        dimension, factor = head.split()
        out += [(form, dimension, factor) for form in forms.split()]
    return sorted(out, key=lambda unit: len(unit[0]), reverse=True)


def _boundary(form: str) -> str:
    return form + r"(?![A-Za-z²³])" if form[-1].isascii() and form[-1] not in "%°$)" else form


_UNITS = _units()
_PATTERN = re.compile(
    r"[\s-]?(?:"
    + "|".join(f"(?P<u{at}>{_boundary(unit[0])})" for at, unit in enumerate(_UNITS))
    + ")",
    re.IGNORECASE,
)
# Of these the upper case means something else (M, G, W), so they are read as written.
_CASED = frozenset(
    "NM MWh GWh TWh kbit/s kbps Kbps Mbit/s Mbps Gbit/s Gbps Tbit/s Tbps"
    " Mt kt m g s h l p C F W MP kW MW GW MB KB kB GB TB L mL ml".split()
)


def is_money(dimension: str) -> bool:
    return dimension in _MONEY


def unit_at(text: str, position: int) -> tuple[Unit, int] | None:
    """Return the unit that is written at `text[position:]`, and where it ends."""
    match = _PATTERN.match(text, position)
    if match is None or match.lastgroup is None:
        return None
    form, dimension, factor = _UNITS[int(match.lastgroup[1:])]
    written = match.group().lstrip(" -\u00a0\u202f")
    if form in _CASED and written != form:
        return None
    return Unit(dimension, Decimal(factor)), match.end()
