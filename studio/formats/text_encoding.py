"""Decode text files whose encoding is not known: Unicode for certain, others by a guess.

A guess compares how usual the characters are that each encoding would make of the bytes. With few
characters two encodings may be equally likely; such a guess says that it is not certain.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

from msgspec import Struct

ENCODINGS: dict[str, str] = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "gb18030": "GB 18030 (GBK)",
    "big5": "Big5",
    "shift-jis": "Shift-JIS",
    "euc-jp": "EUC-JP",
    "euc-kr": "EUC-KR",
    "windows-1252": "Windows-1252",
}
"""The encodings that are recognised, and their names for a person."""

# Microsoft's supersets, which are what programs write.
_CODECS = {"big5": "cp950", "shift-jis": "cp932", "euc-kr": "cp949", "utf-8": "utf-8-sig"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16"),
)
_SAMPLE_BYTES = 1_000_000
_SAMPLE = 2_000
"""A guess looks at so many characters beyond ASCII in so many bytes."""
_MIN_SCORE = 0.3
_MIN_LEAD = 0.2
_MIN_LEAD_OF_ONE = 1.0
"""A guess is certain from this score, and this lead before the next: the more characters it is
based on, the less of a lead, from that of one character down to the least."""

_SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体美相见"
    "被利什二等产或新己制身果加西月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比解水名真处"
    "走义各入几口认条平系气题活更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资"
    "命山金指许统区保至形社便空决治展马科五基眼书非则听白却界达光放强即像难且思完设式色路记南品住告类求据"
    "程北边该交规万取望觉术共确传师观清今切院让识候带运猫狗狐鸟红蓝绿画图片写句字夜花春秋雨雪风车请诗"
)
_TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡"
    "用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實"
    "日者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應向頭文體美相見"
    "被利什二等產或新己制身果加西月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比解水名真處"
    "走義各入幾口認條平系氣題活更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資"
    "命山金指許統區保至形社便空決治展馬科五基眼書非則聽白卻界達光放強即像難且思完設式色路記南品住告類求據"
    "程北邊該交規萬取望覺術共確傳師觀清今切院讓識候帶運貓狗狐鳥紅藍綠畫圖片寫句字夜花春秋雨雪風車請詩"
)
_JAPANESE = frozenset(
    "日一人年大十二本中長出三時行見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名"
    "川千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨的会国事自社発者地業方新場員立開手力問代明"
    "動京目通言理体田主題意不作用度強公持野以思家世多正安院心界教文元重近考画海売知道集別物使品計死特私始"
    "朝運終台広住無真有口少町料工建空急止送切転研足究楽起着店病質待試族銀早映親験英医仕去味写字答夜音注帰"
    "古歌買悪図週室歩風紙黒花春赤青館屋色走秋夏習駅洋旅服夕借曜飲肉貸堂鳥飯勉冬昼茶弟牛魚兄犬妹姉猫狐詩絵"
)
_KOREAN = frozenset(
    "이다는을에의가고를한은로하지도사기그리어자나아서대시인해일정보들전수부있것으니라장원제상여주면스안과성거"
    "년음게만생동오국관조소구적세우된신유개공모말려위미중발실학연방화간경비회내선물되두문저드때행없명분반트러"
    "계마든심차같진치돌민역업당요호양알용단교습까할않했합입력설달출파를무와터달색쓰림늘람던체째른날밤눈꽃봄글"
)
_PUNCTUATION = frozenset("，。、；：？！“”‘’（）《》「」『』【】…—·～　")
_LATIN_LETTERS = frozenset("àâäáãåæçèéêëìíîïñòóôöõøœùúûüýÿßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØŒÙÚÛÜÝŸŠšŽž")
_LATIN_SIGNS = frozenset("“”‘’„–—…«»¿¡€£°©®™·×§\u00a0")


class DecodedText(Struct, frozen=True):
    """A text and its encoding, one of `ENCODINGS` or the one that was asked for."""

    text: str
    encoding: str
    is_certain: bool


def codec_of(name: str) -> str | None:
    """Return Python's name of an encoding that a person named, None if there is none."""
    codec = _CODECS.get(name.strip().lower(), name.strip())
    try:
        # Python also has codecs that are no encodings of text, such as base64.
        b"text".decode(codec)
    except (LookupError, ValueError, TypeError) as error:
        return codec if isinstance(error, UnicodeError) else None
    return codec


def decode(data: bytes, encoding: str = "") -> DecodedText | None:
    """Return the text of a file: in `encoding`, if given, else in the likeliest one.

    Returns None if the bytes are no text in it, or in none. `encoding` must be one for which
    `codec_of` returns a name.
    """
    if encoding:
        codec = codec_of(encoding) or "utf-8"
        try:
            return DecodedText(data.decode(codec).removeprefix("\ufeff"), encoding, True)
        except (UnicodeError, ValueError):
            return None
    for bom, name, codec in _BOMS:
        if data.startswith(bom):
            text = data.decode(codec, "replace")
            return DecodedText(text, name, "\ufffd" not in text)
    if (found := _unmarked_utf16(data)) is not None:
        return found
    try:
        return DecodedText(data.decode(), "utf-8", True)
    except UnicodeDecodeError:
        return _damaged_utf8(data) or _guess(data)


def _unmarked_utf16(data: bytes) -> DecodedText | None:
    """Return the text if the first two characters are ASCII in UTF-16."""
    for codec, zeros in (("utf-16-le", (1, 3)), ("utf-16-be", (0, 2))):
        start = data[:4]
        if len(start) == 4 and all((byte == 0) == (at in zeros) for at, byte in enumerate(start)):
            text = data.decode(codec, "replace")
            return DecodedText(text, "utf-16", "\ufffd" not in text)
    return None


def _damaged_utf8(data: bytes) -> DecodedText | None:
    """Return the text if almost all that is not ASCII is valid UTF-8."""
    text = data.decode("utf-8-sig", "replace")
    damaged = text.count("\ufffd")
    valid = sum(map(len, text.split("\ufffd"))) - sum(map(str.isascii, text))
    return DecodedText(text, "utf-8", False) if valid >= 10 * damaged else None


def _guess(data: bytes) -> DecodedText | None:
    scores: dict[str, float] = {}
    counts: dict[str, int] = {}
    is_all = len(data) <= _SAMPLE_BYTES
    for encoding, score in _SCORES.items():
        decoder = codecs.getincrementaldecoder(_CODECS.get(encoding, encoding))()
        try:
            text = decoder.decode(data[:_SAMPLE_BYTES], final=is_all)
        except UnicodeDecodeError:
            continue
        scores[encoding], counts[encoding] = _mean(text, score)
    likeliest = sorted(scores, key=scores.__getitem__, reverse=True)
    for rank, encoding in enumerate(likeliest):
        try:
            text = data.decode(_CODECS.get(encoding, encoding))
        except UnicodeDecodeError:
            continue
        lead = scores[encoding] - max((scores[other] for other in likeliest[1:]), default=-1.0)
        needed = _MIN_LEAD + _MIN_LEAD_OF_ONE / counts[encoding]
        certain = rank == 0 and scores[encoding] >= _MIN_SCORE and lead >= needed
        return DecodedText(text, encoding, certain)
    return None


_Score = Callable[[str, str, str], float]
"""How usual a character is between its two neighbours, from -1 to 1."""


def _mean(text: str, score: _Score) -> tuple[float, int]:
    """Return the mean score of the characters beyond ASCII at the start, and their number."""
    total, count = 0.0, 0
    for at, character in enumerate(text):
        if not character.isascii():
            after = text[at + 1] if at + 1 < len(text) else " "
            total += score(character, text[at - 1] if at else " ", after)
            count += 1
            if count == _SAMPLE:
                break
    return total / max(count, 1), max(count, 1)


def _east_asian(codec: str, usual: frozenset[str], first_level: range, letters: str = "") -> _Score:
    """Return the score of an encoding of two bytes a character.

    `first_level` are the first bytes of usual characters, `letters` the two ends of a range.
    """

    def score(character: str, before: str, after: str) -> float:
        if character in usual:
            return 1.0
        if character in _PUNCTUATION:
            return 0.8
        if letters and letters[0] <= character <= letters[1]:
            return 0.9
        data = character.encode(codec)
        if len(data) != 2 or "\ue000" <= character <= "\uf8ff":
            return -1.0
        if before.isascii() and before.isalpha() and after.isascii() and after.isalpha():
            return -0.8
        if data[0] in first_level and (data[1] >= 0xA1 or codec in ("cp950", "cp932")):
            return 0.3
        return -0.5

    return score


def _western(character: str, before: str, after: str) -> float:
    if character in _LATIN_SIGNS:
        return 0.5
    if character not in _LATIN_LETTERS:
        return -0.7
    # In words of Western languages, letters with accents stand alone between plain ones.
    if not (before.isascii() and after.isascii()):
        return -0.6
    return 1.0 if before.isalpha() or after.isalpha() else 0.3


_SCORES: dict[str, _Score] = {
    "gb18030": _east_asian("gb18030", _SIMPLIFIED, range(0xB0, 0xD8)),
    "big5": _east_asian("cp950", _TRADITIONAL, range(0xA4, 0xC7)),
    "shift-jis": _east_asian("cp932", _JAPANESE, range(0x88, 0x98), "ぁヺ"),
    "euc-jp": _east_asian("euc_jp", _JAPANESE, range(0xB0, 0xD0), "ぁヺ"),
    "euc-kr": _east_asian("cp949", _KOREAN, range(0xB0, 0xC9)),
    "windows-1252": _western,
}
