"""Words of other languages than English that models decline in, by what they stand for.

A star ends a stem. Languages that are written without spaces are looked for by parts of words.
"""

from __future__ import annotations

import re

from mmrad_eval.datasets.raw_text.clauses import words as w
from mmrad_eval.datasets.words import among

_ABLE = "able"
"""A word for being able, allowed or qualified: with a denial, it is an inability."""
_SPACED: dict[str, str] = {
    w.ME: "yo me mi eu je m io mi ich mir mich ik mij я мне",
    w.NOT: "não nao ne n pas non nicht niet kein* geen ning* nenhum* aucun* nessun* не nie",
    _ABLE: "puedo podemos puede* poder podría podido posible capaz capacit* capacidad autoriz* debo posso consigo "
    "possível possibile peux pouvons possible mesure capable autoris* suis kann können darf dürfen lage möglich "
    "imstande kan mag grado soy sou sono bin ben могу можем способ* вправе mogę jestem",
    w.DO: "interpret* interprét* analy* analiz* analis* ayud* ajud* aid* aiut* gener* propor* fornec* ofrec* "
    "oferec* offr* forni* fourni* diagn* redact* rédig* elabor* emit* asist* assist* auswert* auszuwerten "
    "interpretier* helfen befund* beurteil* erstell* stellen analysier* maken helpen beoordel* интерпрет* помочь "
    "постав* анализ*",
    w.PRODUCT: "informe* diagnóst* diagnost* diagnos* laudo* relatório rapport* compte referto bericht* befund* "
    "verslag eso isso isto cela ça ciò dabei damit solicitud demande диагноз* запрос* отчет* отчёт* raport*",
    w.PICTURE: "imagen* imágen* imagem imagens image images immagin* radiograf* radiograph* bild* röntgen* "
    "aufnahme* beeld* foto* adjunt* изображ* сним* obraz* zdję*",
    w.GONE: "falta* fehl* manqu* ontbreekt perdid*",
    w.SEND: "adjunt* anex* envi* enví* suba* sube* súba* carg* carreg* recib* proporcionad* forne* join* joint* "
    "télécharg* fourni* envoy* recu* reçu* angehäng* hochladen hoch hinzu hinzufügen fügen laden senden "
    "bereitgestellt erhalten hochgeladen загруз* прикреп*",
    w.LOOK: "veo vejo vois vedo sehe zie ver voir sehen vedere zien hay há encuentro вижу",
    w.PLEASE: "favor veuillez bitte merci pourriez podría alstublieft пожалуйста",
    w.EXPERT: "médico* médica* médecin* radiólog* radiolog* arzt ärzt* medico profesional* profissiona* врач* arts",
    w.REFER: "consult* recomiend* recomend* wenden raadpleeg debe deve veuillez обрат*",
    w.SORRY: "siento lamento lamentabl* desculp* sinto désolé* regrette dispiace leid leider helaas извин* сожал* "
    "przykro przepraszam",
    w.TECHNIQUE: "previa* previo* anterior* antérieur* voraufnahm* vergleich* compar* lateral proyecci*",
    w.JUDGE: "descart* exclu* ausgeschlossen ausschlie*",
    w.ORGAN: "pulm* poumon* lung* neum* pneum* derrame épanchement erguss pleur* coraz* cœur herz* cardi* cardí* "
    "ápic* apic* bases basal* silueta opac* infiltrat* consolid* condens* nódul* nodul* foyer* alterac* alteraç* "
    "anomal* auffällig* patol* normal* hallazg* catéter cateter fractur* beurteilbar mediast* costo* легк* серд* "
    "плевр* polmon* cuore versament* diaframm* addensament* parenchim* longen płuc* serc* opłucn* pľúc* plíc* srd* "
    "akciğer* kalp* plevr*",
}
_TELLING = among(
    "siento las est puedo soy imagen favor una el pero nao não sou você nenhuma foi sinto desculpe falta fehlt je "
    "ne pas suis merci peux vous aucune veuillez non sono dispiace ich bin kann nicht kein keine keinen leider "
    "bitte dabei geen ik wenden sie einen"
)
"""Words of these languages that few English texts hold."""
_TELLING_TWICE = _TELLING | among(
    "lo se del los no me es imagen image para por con un de la como a um mas d l di ein das als"
)
_COMMON = among("no me es un sorry d de l image la a as i como con um das se del las pas non")
"""Words that are seen in English texts too."""
TELLING = _TELLING - _COMMON
_UNSPACED: dict[str, str] = {
    w.ME: "我 私 저는 AI",
    w.DECLINE: "超出 超え",
    w.CANNOT: "没有办法 无法 無法 不能 不可以 没有能力 不具备 できません できな かねます 行えません 応えでき "
    "対応していません 수없 못합니다 불가능",
    w.NOT: "没有 未 无 沒 不 ません ない 않 없",
    w.DO: "解读 判讀 分析 提供 生成 诊断 診斷 診断 读 読影 解釈 作成 帮助 评估 要望 판독 해석 진단 도와 제공",
    w.PRODUCT: "报告 報告 意见 诊断 診斷 診断 レポート 要望 보고서 진단",
    w.PICTURE: "图像 图片 圖像 影像 光片 片子 画像 写真 X光 이미지 영상 사진",
    w.SEND: "上传 上傳 提供 附上 附件 发送 加载 收到 添付 アップロード 見当た 送 첨부 업로드",
    w.LOOK: "看到 看不到 见到 检测到 見え 確認 볼",
    w.HERE: "画像がありません 画像はありません 画像がない 写真がありません",
    w.PLEASE: "请 請 ください 주세요",
    w.EXPERT: "医生 醫師 医师 医師 专家 의사",
    w.REFER: "咨询 请 諮詢 相談 不是 상담",
    w.SORRY: "对不起 抱歉 申し訳 すみません 죄송",
    w.TECHNIQUE: "既往 比較 比较 過去 过去 侧位 側面 이전",
    w.JUDGE: "排除 除外 否定",
    w.ORGAN: "異常 异常 正常 肺 心脏 心影 胸腔 胸水 气胸 気胸 骨 炎 结节 阴影 陰影 实变 横膈 纵隔 폐 심장 흉수",
}
_WORD = re.compile(r"[^\W\d_]+")
_UNSPACED_LETTER = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")


def _pattern(stems: str) -> re.Pattern[str]:
    return re.compile("|".join(stem.replace("*", r"\w*") for stem in stems.split()))


_SPACED_PATTERNS = tuple((letter, _pattern(stems)) for letter, stems in _SPACED.items())
_UNSPACED_PARTS = tuple((letter, tuple(parts.split())) for letter, parts in _UNSPACED.items())


def letters_elsewhere(said: str) -> set[str]:
    """What the words of a clause in another language stand for; ``FOREIGN`` says that it is in one."""
    if not said.isascii() and _UNSPACED_LETTER.search(said):
        joined = said.replace(" ", "")
        found = {letter for letter, parts in _UNSPACED_PARTS if any(part in joined for part in parts)}
        return {w.FOREIGN, *found}
    words = _WORD.findall(said.lower())
    if not _is_foreign(words):
        return set()
    found = {letter for letter, pattern in _SPACED_PATTERNS if any(map(pattern.fullmatch, words))}
    if "no" in words:
        found.add(w.NOT)
    if {_ABLE, w.NOT} <= found or not {"impossible", "imposible", "impossibile"}.isdisjoint(words):
        found.add(w.CANNOT)
    return {w.FOREIGN, *(found - {_ABLE})}


def _is_foreign(words: list[str]) -> bool:
    """Whether words are of another language: a letter that English lacks, or two words that tell it."""
    if any(not word.isascii() for word in words):
        return True
    known = [word for word in words if word in _TELLING_TWICE]
    if "de" in words and not {"d", "l"}.isdisjoint(words):  # "d'image", "l'index"
        return True
    return len(known) > 1 and not all(word in _COMMON for word in known)
