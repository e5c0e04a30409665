"""What is read of a text: Markdown, sentences, numbers, words in English and Mandarin."""

from __future__ import annotations

import pytest

from studio.engine.tasks.speech.script import passages_of
from studio.engine.tasks.speech.text import english_numbers, mandarin
from studio.engine.tasks.speech.text.cleaning import plain_text
from studio.engine.tasks.speech.text.english import english
from studio.engine.tasks.speech.text.passages import Paragraph, paragraphs
from studio.engine.tasks.speech.text.phonemes import Reader
from studio.engine.tasks.speech.text.scripts import is_mostly_chinese, unreadable_script
from studio.formats.sounds.sentences import sentences


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("# A *big* title\ntext", "A big title.\n\ntext"),
        ("# 第一章\n他笑了 😀，走了。", "第一章。\n\n他笑了，走了。"),
        ("a **bold _word_** and `code`", "a bold word and code"),
        ("[the link](https://x.org/a_b) ![picture](y.png)", "the link picture"),
        ("see https://www.example.com/a/b?c=d.", "see example dot com."),
        ("mail ann.lee@example.org", "mail ann dot lee at example dot org"),
        ("before\n```python\nprint(1)\n```\nafter", "before\n\nafter"),
        ("a\x00b\x07 smile 😀👍🏽 end\u200b", "a b smile end"),
        ("snake_case stays, 3 * 4 * 5 too", "snake_case stays, 3 * 4 * 5 too"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b\n\n1, 2"),
        ("<b>bold</b> <!-- no --> 1 < 2", "bold 1 < 2"),
    ],
)
def test_only_what_is_to_be_heard_is_left(text: str, spoken: str) -> None:
    assert plain_text(text).strip() == spoken


def test_items_of_a_list_are_paragraphs() -> None:
    text = plain_text("Buy:\n- [x] milk\n- bread\n\n> quoted")
    assert [each.text for each in paragraphs(text)] == ["Buy:", "milk", "bread", "quoted"]


def test_speakers_of_the_cast_begin_paragraphs_and_others_do_not() -> None:
    text = "旁白：夜深了。\nAnna: Hello!\nHow are you?\n\nNote: this is no speaker.\nBEN： Fine."
    cast = {"旁白": "a", "Anna": "b", "Ben": "c"}
    assert list(paragraphs(text, cast)) == [
        Paragraph("夜深了。", "旁白"),
        Paragraph("Hello! How are you?", "Anna"),
        Paragraph("Note: this is no speaker."),
        Paragraph("Fine.", "Ben"),
    ]


def test_a_text_is_cut_at_sentences_only() -> None:
    text = 'Dr. Smith paid $3.50, e.g. at U.S. shops. "Really?" she asked. Yes! 今天好。明天呢？'
    assert list(sentences(text)) == [
        "Dr. Smith paid $3.50, e.g. at U.S. shops.",
        '"Really?"',
        "she asked.",
        "Yes!",
        "今天好。",
        "明天呢？",
    ]


@pytest.mark.parametrize("text", ["word " * 500, "字" * 2000, "a" * 5000, "一，" * 900])
def test_a_text_without_sentences_is_cut_anyway_and_loses_nothing(text: str) -> None:
    parts = list(sentences(text.strip()))
    assert max(map(len, parts)) <= 221
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("It costs $4.50.", "It costs four dollars and fifty cents."),
        ("$1 and £2.5 million", "one dollar and two point five million pounds"),
        ("on 2026-11-30", "on November thirtieth, twenty twenty-six"),
        ("Nov. 3, 1999", "November third, nineteen ninety-nine"),
        ("at 9:05 pm", "at nine oh five P M"),
        ("at 17:00", "at seventeen hundred"),
        ("in 1905, 2000 and 2026", "in nineteen oh five, two thousand and twenty twenty-six"),
        ("the 1990s", "the nineteen nineties"),
        ("1,234,567 people", "one million two hundred thirty-four thousand five hundred sixty-seven"
         " people"),
        ("the 21st of 3/4", "the twenty-first of three quarters"),
        ("5-10 km", "five to ten kilometres"),
        ("-3.5 °C, 1 kg", "minus three point five degrees Celsius, one kilogram"),
        ("GPT-4 and H200", "GPT four and H two hundred"),
        ("version 2.0.1", "version two point zero point one"),
        ("call 555-123-4567", "call five five five, one two three, four five six seven"),
        ("and/or 50% & more", "and or fifty percent and more"),
    ],
)  # fmt: skip
def test_english_numbers_are_read_as_words(text: str, spoken: str) -> None:
    said = english_numbers.spoken(text)
    assert said.replace("-", " ") == spoken.replace("-", " ")


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("opens", "ˈOpᵊnz"),
        ("stopped", "stˈɑpt"),
        ("waiting", "wˈAɾɪŋ"),
        ("cities", "sˈɪɾiz"),
        ("café", "kæfˈA"),
        ("GPU", "ʤˌipˌijˈu"),
        ("Anna's", "ˈɑnəz"),
    ],
)
def test_english_words_and_their_forms_are_known(word: str, phonemes: str) -> None:
    assert english().phonemes(word, "", "p") == phonemes


def test_unknown_english_words_are_read_letter_by_letter_with_one_stress() -> None:
    for word in ("blorptastic", "zyxomat", "kubernetes", "Żółw", "wemo"):
        said = english().phonemes(word)
        assert said.count("ˈ") == 1, (word, said)


def test_context_decides_how_small_words_and_homographs_are_read() -> None:
    read = english()
    assert read.phonemes("the", "", "A") == "ði"
    assert read.phonemes("the", "", "p") == "ðə"
    assert read.phonemes("record", "the", "p") != read.phonemes("record", "to", "p")


def pinyin(text: str) -> str:
    return " ".join(each for word in mandarin.words(text) for each in word.pinyin)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("银行", "in2 hang2"),
        ("行走", "xing2 zou3"),
        ("重要", "zhong4 iao4"),
        ("重复", "chong2 fu4"),
        ("你好", "ni2 hao3"),
        ("不是", "bu2 shi4"),
        ("一个", "i2 ge5"),
        ("一天", "i4 tian1"),
        ("第一次", "di4 i1 ci4"),
        ("看一看", "kan4 i5 kan4"),
        ("一九九九年", "i1 jiou3 jiou2 jiou3 nian2"),
        ("银行行长", "in2 hang2 hang2 zhang3"),
    ],
)
def test_polyphones_and_tones_in_their_words(text: str, read: str) -> None:
    assert pinyin(text).replace("jiou2", "jiou3") == read.replace("jiou2", "jiou3")


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("2024年3月5日", "二零二四年三月五日"),
        ("共1,234,567人", "共一百二十三万四千五百六十七人"),
        ("涨了15.6%", "涨了百分之十五点六"),
        ("2小时和2个人", "两小时和两个人"),
        ("14:30开始", "十四点半开始"),
        ("比分3:2", "比分三比二"),
        ("跑了5km", "跑了五公里"),
        ("价格￥99.5", "价格九十九点五元"),
        ("气温-3℃", "气温零下三度"),
        ("GPT-4很好", "GPT 四很好"),
    ],
)
def test_chinese_numbers_are_read_as_words(text: str, spoken: str) -> None:
    assert mandarin.spoken(text) == spoken


def test_a_mixed_sentence_keeps_how_its_words_are_written() -> None:
    words = [word for word in Reader().read("我用GPT-4写了2,000个 words。") if not word.is_mark]
    assert "".join(word.text for word in words) == "我用GPT-4写了2,000个words。"
    assert all(word.phonemes for word in words)
    assert [word.joined for word in words][-1] is False
    words = Reader().read("“今天”我们 met 在 the 3rd floor，花了$5.5！")
    assert [word.text for word in words if not word.is_mark] == [
        *("“今天”", "我们", "met", "在", "the", "3rd", "floor，", "花", "了", "$5.5！")
    ]


def test_a_date_that_is_read_with_a_pause_stays_one_word() -> None:
    words = Reader().read("It opens on 2026-11-30 at nine.")
    assert [word.text for word in words if not word.is_mark] == [
        *("It", "opens", "on", "2026-11-30", "at", "nine.")
    ]
    assert "," in words[3].phonemes


def test_pronunciations_of_the_user_win() -> None:
    reader = Reader(pronunciations={"Qwen": "kwen", "重庆": "chong2 qing4", "H2O": "/wˈɔɾəɹ/"})
    said = {word.text: word.phonemes for word in reader.read("Qwen在重庆喝H2O")}
    assert said["Qwen"] == english().phonemes("kwen", "", "p")
    assert said["重庆"] == mandarin.pinyin_sound("chong2 qing4")
    assert said["H2O"] == "wˈɔɾəɹ"


@pytest.mark.parametrize(
    "text", ["今天٣个-2月99日", "比分9:99:99和1/0", "第०章①½№Ⅳ", "一一不不儿儿嗯"]
)
def test_odd_numbers_in_chinese_are_read_somehow(text: str) -> None:
    (passage,) = passages_of(text, {}, 0.7, lambda _: Reader(), lambda: None)
    assert passage.phonemes > 2


def test_languages_that_no_voice_reads_are_noticed() -> None:
    assert unreadable_script("Hello 你好, café") == ("", False)
    assert unreadable_script("こんにちは世界") == ("Japanese", True)
    assert unreadable_script("Привет, мир") == ("Cyrillic", True)
    assert unreadable_script("The angle α is small and the rest is English.") == ("Greek", False)
    assert is_mostly_chinese("今天我们学习AI") and not is_mostly_chinese("Say 你好 to them all.")


def test_long_texts_become_passages_with_pauses_between_them() -> None:
    text = "One sentence of some length is here to be read. " * 12 + "\n\nSecond paragraph."
    found = list(passages_of(text, {}, 0.7, lambda _: Reader(), lambda: None))
    assert len(found) > 3
    assert [passage.pause for passage in found][:2] == [0.0, 0.3]
    assert found[-1].pause == 0.7
    assert max(passage.phonemes for passage in found) < 400


@pytest.mark.parametrize("text", ["", "  \n ", "😀", "...", "```\ncode\n```", "***", "\x00\x01"])
def test_a_text_without_words_has_no_passages(text: str) -> None:
    assert list(passages_of(text, {}, 0.7, lambda _: Reader(), lambda: None)) == []
