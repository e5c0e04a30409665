"""Figures, dates and names of a text, compared with those of its brief."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.writing.facts.compare import check_facts
from studio.writing.facts.findings import Finding

SAME = (
    ("profit −5 %", "Profit fell by five per cent."),
    ("净利润下降5%", "净利润同比下滑百分之五。"),
    ("120 million yuan", "营收达到1.2亿元。"),
    ("营收1.2亿元", "Revenue reached CNY 120 million."),
    ("90 minutes", "It takes an hour and 90 minutes."),
    ("length 1.5 km", "The path is 1,500 metres long."),
    ("5 March 2025, 8:30 pm", "On March 5, doors open at 20:30."),
    ("3月5日晚上八点半", "活动将于三月五日20:30开始。"),
    ("1,234,000 visitors", "About 1.2 million visitors came."),
    ("revenue 100 million yuan in 2023, 150 million yuan in 2024", "It rose by 50 %."),
    (
        "John Smith, CEO of Acme Corp: one of the best years",
        "“One of the best years,” Smith said at Acme.",
    ),
    ("华新集团董事长张伟", "华新集团十分重视，董事长张伟表示，大家一起努力。"),
    ("three goals by Miller", "1. Miller scored three goals.\n2. First of all, it was fun."),
    ("片長 102分鐘", "影片片长一小时四十二分钟。"),
    ("lift part arrives 23/6, meeting 17/6/2025", "The part is due on June 23."),
    ("合同期三年，2025.9.1起", "合同自2025年9月1日起至2028年8月31日止。"),
    ("lessons resume at 8:50", "Lessons start again at ten to nine."),
    ("S&P 500 5,487 flat", "The S&P 500 was flat at 5,487."),
    ("EBIT 63m", "EBIT came to 63 million euros."),
    ("1,800 trees: oak 700, birch 650, lime the rest", "The other 450 trees are limes."),
    ("infections cut by two thirds", "Infections fell by 67 per cent."),
    ("设计时速80km/h", "设计时速80公里。"),
    ("月租4200元，违约金为两个月租金", "违约金即8400元。"),
    ("联系人周敏", "如有疑问，请联系周女士。"),
    ("closed Mon 4-Fri 8 March", "It is shut from Monday 4 March to Friday 8 March."),
    ("rain from 3 pm", "Rain comes around 3 o'clock."),
    (
        "bus leaves 7.45, back by 4.30.",
        "The bus leaves at a quarter to eight and is back at 4.30 pm.",
    ),
    ("shop open 9am-5pm", "The shop is open from 9 am to 5 pm."),
    ("talks 6 and 7 May", "There are talks on the 6th and 7th."),
    ("alarm 01:10, fixed 01:52", "It was fixed 42 minutes after the alarm."),
    ("opened 1990, rebuilt 2004", "Opened in 1990, it was rebuilt fourteen years later."),
    ("two of six lamps were broken", "A third of the lamps were broken."),
    ("tubes 900, lost 45", "They lost 5 per cent of the 900 tubes."),
    ("12 boys, 9 girls", "There were 21 of them in all."),
    ("预算90万元，已用52万元", "90万元预算已用52万元，尚余38万元。"),
    ("每天三次，每次20毫升", "每天三次，每次20毫升，一天共60毫升。"),
    ("学生约占三分之一", "学生约占33%。"),
    ("6月3、4日演出", "6月3日和4日有演出。"),
    ("2号线停运", "2号线今天停运。"),
    ("length 41 min", "It lasts forty minutes or so."),
    ("group under-12", "The group is for children under 12岁."),
    ("price €0.62", "It costs 62 cents."),
    ("果园120亩，果树4800棵", "果园120亩，果树4800棵，平均每亩40棵。"),
    ("训练3小时10分钟", "训练了3个多小时。"),
)
CHANGED = (
    (
        "1 Kayla Brooks 11.42\n2 Ines Duarte 11.47",
        "Kayla Brooks won in 11.47 seconds.",
        "figure_changed",
        "11.47 seconds",
    ),
    (
        "every 12 min instead of 15",
        "Buses run every 15 minutes instead of every 12.",
        "direction_changed",
        "15 minutes instead of every 12",
    ),
    (
        "31 %, 28 % in 2024",
        "It was 31 per cent, down from 28 per cent.",
        "direction_changed",
        "31 per cent, down from 28 per cent",
    ),
    ("open Tue-Sun", "It is open Tuesday to Saturday.", "date_changed", "Saturday"),
    ("租金 4.5元/平方米/天", "租金为每平方米每月4.5元。", "unit_changed", "每月4.5元"),
    ("Address: Via Roma 118", "Via Roma 18 is where you find us.", "name_changed", "Via Roma 18"),
    ("台风向西北移动", "台风向东北移动。", "name_changed", "东北"),
    ("马拉松 4月12日", "赛事由宏远集团冠名，4月12日举行。", "name_new", "宏远集团"),
    ("net profit −5 %", "Net profit grew by 5 %.", "direction_changed", "grew by 5 %"),
    ("revenue +12 %, net profit −5 %", "Net profit rose 12 %.", "figure_changed", "12 %"),
    ("营收增长12%，净利润下降5%", "净利润增长12%。", "figure_changed", "12%"),
    ("5 kg of flour", "Take 5 g of flour.", "unit_changed", "5 g"),
    ("35 shops", "It has 36 shops.", "figure_changed", "36"),
    ("35家门店", "公司拥有三十六家门店。", "figure_changed", "三十六"),
    ("opens in spring", "It opens with 400 seats.", "figure_new", "400"),
    ("Friday, 5 March", "It is on Friday, 6 March.", "date_changed", "6 March"),
    ("下午3点", "下午4点开始。", "date_changed", "下午4点"),
    ("CEO John Smith", "It was James Smith who spoke.", "name_changed", "James Smith"),
    ("董事长张伟", "董事长张维表示感谢。", "name_changed", "张维"),
    ("在上海开店", "他们在北京开店。", "name_new", "北京"),
    ("model X-200", "The X-300 is new.", "name_changed", "X-300"),
    ("Leinster 27 Toulouse 22", "Toulouse won 27-22.", "name_changed", "Toulouse won"),
    ("海港3-1泰山", "泰山3比1战胜海港。", "name_changed", "泰山3比1战胜"),
    ("3980元/人，含往返机票", "每人3980元，不含机票。", "name_changed", "不含"),
    ("Dogs are welcome", "Dogs are not allowed.", "name_changed", "not allowed"),
    ("Mrs Okafor", "Return it to Mr Okafor.", "name_changed", "Mr Okafor"),
    ("转移140户", "已转移140人。", "unit_changed", "140人"),
    ("rent 1,150 monthly", "The rent is 1,150 weekly.", "unit_changed", "1,150 weekly"),
    ("德沃夏克第九交响曲", "上演德沃夏克第八交响曲。", "name_changed", "第八交响"),
    ("a third of its crown was lost", "Half of its crown was lost.", "figure_changed", "Half"),
    ("主舞台2个", "现场有三个主舞台。", "figure_changed", "三"),
    ("利率日万分之三", "利率为每日千分之三。", "figure_changed", "千分之三"),
    ("speed 900 Mbit/s", "The speed is 900 Gbit/s.", "unit_changed", "900 Gbit/s"),
    (
        "profit 41m (44m)",
        "Profit rose to 41m from 44m.",
        "direction_changed",
        "rose to 41m from 44m",
    ),
    (
        "cost £740,000, budget £900,000",
        "It cost £740,000, £160,000 over budget.",
        "direction_changed",
        "£160,000 over",
    ),
    (
        "正确率82%（上周78%）",
        "正确率82%，比上周低了4个百分点。",
        "direction_changed",
        "低了4个百分点",
    ),
    ("CEO Ada Holt, CFO Ben Ivy", "CFO Ada Holt spoke.", "name_changed", "CFO Ada Holt"),
    ("总工程师：陆远", "副总工程师陆远到场。", "name_changed", "副总工程师陆远"),
    (
        "Ann Fell succeeds Bo Hurst",
        "Bo Hurst succeeds Ann Fell.",
        "name_changed",
        "Bo Hurst succeeds Ann Fell",
    ),
    (
        "Ann Fell: “We should have done it sooner.” Mayor Bo Hurst came too.",
        "“We should have done it sooner,” said Bo Hurst.",
        "name_changed",
        "Bo Hurst",
    ),
    (
        "Ann Fell opened the pool.",
        "“I have always loved to swim,” said Ann Fell.",
        "name_new",
        "“I have always loved to swim,”",
    ),
    ("notes of pear and almond", "It has notes of pear and hazelnut.", "name_changed", "hazelnut"),
    ("失主是出租车司机", "失主是货车司机。", "name_changed", "货车"),
    ("手表不能测血压", "这款手表还能测血压。", "name_changed", "这款手表还能测血压"),
    ("Pool and sauna stay open", "The sauna will be closed.", "name_changed", "closed"),
    ("进度晚两天", "进度提前两天。", "name_changed", "提前"),
    ("苹果每斤6元", "苹果每公斤6元。", "unit_changed", "每公斤6元"),
    ("每周二、五发车", "每周二、四发车。", "date_changed", "四"),
    ("90 seats, 70 already sold", "All 90 seats are sold.", "figure_changed", "All 90"),
    ("dates: 5 and 6 May", "It is on the 5th and 9th.", "date_changed", "9th"),
)


@pytest.mark.parametrize(("brief", "draft"), SAME)
def test_the_same_facts_in_another_way_are_no_finding(brief: str, draft: str) -> None:
    assert check_facts(brief, draft).findings == ()


def test_figures_that_were_exchanged_are_both_found() -> None:
    for brief, draft, texts in (
        ("against 38 %, undecided 16 %", "Undecided are 38 %, against it 16 %.", ["38 %", "16 %"]),
        ("parking 24, cycles 60", "It has 24 cycles and 60 parking spaces.", ["24", "60"]),
        ("设考点31个、考场962个", "设考点962个、考场31个。", ["962", "31"]),
    ):
        assert [finding.text for finding in check_facts(brief, draft).findings] == texts


@pytest.mark.parametrize(("brief", "draft", "kind", "text"), CHANGED)
def test_a_changed_fact_is_found_where_it_stands(
    brief: str, draft: str, kind: str, text: str
) -> None:
    findings = check_facts(brief, draft).findings
    assert [(finding.kind, finding.text) for finding in findings] == [(kind, text)]
    assert all(draft[finding.start : finding.end] == finding.text for finding in findings)


def test_of_thousands_of_figures_the_first_are_compared_and_that_is_said() -> None:
    check = check_facts("10 cm", "11 kg, " * 2000)
    assert len(check.findings) == 500
    assert str(check.not_judged[0]) == "Only the first 500 figures were compared."


def test_number_words_that_are_no_number_are_no_figure() -> None:
    for words in ("one hundred and ", "million ", "dozen ", "point five million "):
        assert not check_facts("Ada is 36.", words * 500).findings


def test_names_are_not_compared_across_languages_and_that_is_said() -> None:
    checked = check_facts("John Smith opened 35 shops", "约翰·史密斯新开了36家商店")
    assert [finding.text for finding in checked.findings] == ["36"]
    assert checked.not_judged


DATA = Path(__file__).parents[1] / "data" / "facts"


@pytest.mark.parametrize(
    ("name", "recall", "precision"),
    [
        ("pairs", 0.95, 0.98),
        ("more_pairs", 0.83, 0.94),
        ("fresh_pairs", 0.81, 0.96),
        ("unseen_pairs", 0.66, 0.9),
        ("blind_pairs", 0.6, 0.5),
    ],
)
def test_most_planted_errors_of_the_pairs_are_found_and_little_else(
    name: str, recall: float, precision: float
) -> None:
    """The pairs were written without knowledge of the rules, and the rules improved on them since.

    When they were new, recall was 0.75 and precision 0.38 on the first 200; then 0.72 and 0.63 on
    the others. After improving on one half of these it was 0.82 and 0.65 on the other half. The
    fresh pairs, by the author of the rules, were at first sight 0.57 and 0.69 (r1) and, after
    improving on those, 0.70 and 0.95 (r2). The unseen ones are by a third author and paraphrase
    more: at first sight 0.43 and 0.57; since then the rules improved on them too. Nothing was
    improved on the blind ones, by a fourth author: 0.57 and 0.42 before the rules improved on the
    unseen ones, 0.61 and 0.50 after.
    """
    planted = found = right = findings = 0
    for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines():
        pair = json.loads(line)
        draft = pair["draft"]
        places = [
            range(at := draft.index(error["text"]), at + len(error["text"]))
            for error in pair["errors"]
        ]
        seen = set()
        for finding in check_facts(pair["brief"], draft).findings:
            hit = [n for n, place in enumerate(places) if overlaps(finding, place)]
            seen.update(hit)
            findings += 1
            right += bool(hit)
        planted += len(places)
        found += len(seen)
    assert found / planted >= recall
    assert right / findings >= precision


def overlaps(finding: Finding, place: range) -> bool:
    return finding.start < place.stop and place.start < finding.end
