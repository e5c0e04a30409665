"""Sentences in Mandarin whose polyphones, tones and numbers are read as a dictionary says."""

from __future__ import annotations

import re

import pytest

from studio.engine.tasks.speech.text import mandarin
from studio.engine.tasks.speech.text.phonemes import Reader

SENTENCES = (
    # polyphones
    ("他在银行工作。", "in2 hang2"),
    ("我们行走在路上。", "xing2 zou3"),
    ("这件事很重要。", "zhong4 iao4"),
    ("请不要重复。", "chong2 fu4"),
    ("重庆的火锅很辣。", "chong2 qing4"),
    ("他长大了。", "zhang3 da4"),
    ("这条路很长。", "chang2"),
    ("音乐会八点开始。", "in1 ve4 huei4"),
    ("孩子们很快乐。", "kuai4 le4"),
    ("请把书还给我。", "huan2"),
    ("他还在睡觉。", "hai2"),
    ("我在学校睡觉。", "shuei4 jiao4"),
    ("她觉得很冷。", "jve2 de5"),
    ("这里很方便。", "fang1 bian4"),
    ("苹果很便宜。", "pian2"),
    ("他参加了会议。", "can1 jia1"),
    ("人参很贵。", "ren2 shen1"),
    ("参差不齐。", "cen1 ci1"),
    ("都市里的人都很忙。", "du1 shi4"),
    ("我差点儿迟到。", "cha4"),
    ("他去北京出差。", "chu1 chai1"),
    ("教室里有老师教书。", "jiao4 shi4"),
    ("请朝前看。", "chao2"),
    ("朝阳升起来了。", "zhao1 iang2"),
    ("种子已经发芽。", "zhong3"),
    ("农民种地。", "zhong4 di4"),
    ("这片土地很大。", "tu3 di4"),
    ("他的目的达到了。", "mu4 di4"),
    ("她获得了奖。", "huo4 de2"),
    ("他高兴地笑了。", "gao1 xing4 de5"),
    # tones in their words
    ("你好，世界。", "ni2 hao3"),
    ("这不是我的。", "bu2 shi4"),
    ("我有一个问题。", "i2 ge5"),
    ("我们一起走。", "i4 qi3"),
    ("他看了一眼。", "i4 ian3"),
    ("第一名是谁？", "di4 i1"),
    ("我想了解一下。", "liao2 jie3"),
    ("请给我两把雨伞。", "liang2 ba3"),
    ("他不会说话。", "bu2 huei4"),
    # numbers, dates and mixed English
    ("2026年11月30日", "er4 ling2 er4 liou4 nian2"),
    ("一共有125个。", "i4 bai3 er4 shi2 u3 ge5"),
    ("完成了98%。", "bai3 fen1 zhi1 jiou3 shi2 ba1"),
    ("现在是3点15分。", "shi2 u3 fen1"),
    ("我用AI写了3篇文章。", "san1 pian1"),
)


@pytest.mark.parametrize(("sentence", "read"), SENTENCES)
def test_a_sentence_is_read_as_a_dictionary_says(sentence: str, read: str) -> None:
    said = mandarin.spoken(sentence)
    runs = re.findall("[\u4e00-\u9fff]+", said)
    syllables = [each for run in runs for word in mandarin.words(run) for each in word.pinyin]
    assert f" {read} " in f" {' '.join(syllables)} "


def test_every_sound_is_in_the_alphabet_of_the_network() -> None:
    alphabet = set(
        ' ;:,.!?—…"()“”AIOQWYabcdefhijklmnopqrstuvwxyzæçðøŋœɐɑɒɔɕəɛɜɟɡɥɨɪɯɲɳɹɻɾʁʂʃʈʊʋʌʎʒʔʝʣʤʥʦʧʨ'
        "ˈˌːʰʲ↓→↗↘ᵊᵻꭧɚɤβθχ"
    )
    for sentence, _ in SENTENCES:
        for word in Reader().read(sentence):
            assert set(word.phonemes) <= alphabet, (word.text, word.phonemes)
