"""Tells clauses that say that no picture came, or ask for one."""

from __future__ import annotations

from mmrad_eval.datasets.raw_text.clauses import words as w
from mmrad_eval.datasets.raw_text.clauses.said import ReadClause
from mmrad_eval.datasets.words import among

_SHORT = 20
"""Characters of a request in another language that names no picture, since the sentence before it does."""
_FEW = 2
_NEAR = 4
"""Words between a denial and the picture that it denies."""
_ARTICLES = among("the your my this an a for")
_SEND_IT = among(
    "upload attach send share provide submit paste resend reupload reattach include drop insert add supply"
)
_NONE_OF_IT = among("one any got received")
"""What a denial of something named before ends with: "which I haven't got"."""
_IT_I_LACK = ("i", "do", "not", "have")
_COMES = (("is",), ("has",), ("are",), ("have",), ("comes",), ("arrives",))
_MEANT = among("meant mean intended wanted tried supposed")
_GOVERNS = among("on about regarding with of from")
_NOTICE = among("detect identify recognize recognise notice")
_BARE = among("or and see view process open access medical load display seeing viewing accessing")
"""What stands before pictures at large."""


def misses(c: ReadClause, *, patient: bool) -> bool:
    """Whether a clause says that no picture came, or asks for one."""
    if c.any(w.TECHNIQUE + w.PATIENT) or _of_the_task(c) or _came_late(c):
        return False
    picture = c.first(w.PICTURE)
    if patient and (picture < 0 or picture > c.first(w.ORGAN) >= 0):
        return False
    meant = c.every(w.YOU, w.SEND, w.PICTURE) and not _MEANT.isdisjoint(c.tokens)
    if meant or (patient and w.ME in c.has and _needed(c)):
        return True
    if _asks_for_it(c, picture) or ("without" in c.tokens and picture - c.tokens.index("without") in range(1, _NEAR)):
        return True
    if patient or w.PICTURE not in c.has:
        return not patient and _nothing_came(c)
    lost = w.GONE in c.has and not c.any(w.RULE + w.ADVICE)
    asked = c.asks and not c.any(w.DECLINE + w.EXPERT + w.ADVICE) and w.DO not in c.kinds[0]
    return lost or asked or (_denied(c, picture) if c.any(w.NOT + w.CANNOT) else _needed(c))


def _came_late(c: ReadClause) -> bool:
    """As in "The study was not uploaded until noon": it came."""
    return "until" in c.tokens and w.NOT in c.has and not c.any(w.ME + w.YOU)


def _of_the_task(c: ReadClause) -> bool:
    """As in "Reading X-rays takes training that I do not have": what is done with pictures is spoken of."""
    return w.DO in c.kinds[0] and c.tokens[0].endswith("ing") and w.GONE not in c.has and w.PICTURE in c.has


def may_miss(c: ReadClause) -> bool:
    """Whether a clause speaks of a picture as of one that is not there."""
    if w.PICTURE not in c.has or c.any(w.RULE + w.ADVICE + w.EXPERT + w.DECLINE + w.MACHINE + w.PAST):
        return False
    picture = c.first(w.PICTURE)
    if c.foreign and w.DO in c.has:
        return False
    if picture > 0 and (c.tokens[picture - 1] in _GOVERNS or c.order(w.DO, w.PICTURE)):
        return False
    if c.any(w.NOT + w.CANNOT):
        return c.any(w.ME + w.YOU + w.HERE + w.SEND + w.LOOK + w.TEXT)
    return c.any(w.GONE + w.NEED) or c.asks


def _asks_for_it(c: ReadClause, picture: int) -> bool:
    """As in "Please upload the image", "once you send it"."""
    at = c.tokens.index("show") if "show" in c.tokens and w.PLEASE in c.has else c.first(w.SEND)
    if c.any(w.EXPERT + w.DECLINE) or c.order(w.NOT + w.CANNOT, w.SEND, w.PRODUCT):
        return False
    if c.every(w.WHEN, w.LOOK + w.HERE) and picture >= 0 and not c.any(w.PRODUCT):
        return True
    if w.WHEN in c.kinds[0] and 0 < picture <= _NEAR + 1 and not c.any(w.DO + w.ADVICE + w.LOOK + w.STATE + w.SICKNESS):
        between = c.tokens[1:picture]
        if set(between).isdisjoint(_GOVERNS) and (w.YOU in c.kinds[1] or c.tokens[picture + 1 : picture + 2] in _COMES):
            return True
    order = next((i for i, token in enumerate(c.tokens[:_NEAR]) if token in _SEND_IT), -1)
    if order > 0 and (c.tokens[order - 1] in _ARTICLES or c.first(w.NOT + w.CANNOT + w.ME) in range(order)):
        order = -1
    if not (at >= 0 or w.SEND in c.has or order >= 0) or not (order >= 0 or c.any(w.PLEASE + w.WHEN + w.NEED)):
        return False
    return picture >= 0 or w.PICTURE in c.has or (at + 1 < len(c.tokens) and c.tokens[at + 1] in {"it", "one"})


def _needed(c: ReadClause) -> bool:
    """As in "I need the image" and "an image is required"."""
    if w.NEED not in c.has or c.any(w.EXPERT + w.RULE):
        return False
    if c.order(w.NEED, w.DO + w.GIVE, w.PICTURE) and "see" not in c.tokens:
        return False
    return c.order(w.NEED, w.PICTURE) or w.ME not in c.has


def _nothing_came(c: ReadClause) -> bool:
    """As in "Nothing is attached", "I only see text"."""
    if c.every(w.TEXT, w.ONLY, w.LOOK + w.SEND) or (c.every(w.FOREIGN, w.PLEASE, w.SEND) and len(c.text) <= _SHORT):
        return True
    if w.NOT not in c.has and w.CANNOT not in c.has:
        return False
    none = next((at for at, token in enumerate(c.tokens) if token in {"nothing", "none"}), -1)
    if none >= 0 and len(c.tokens) > _FEW and (w.HERE in c.has or c.first(w.SEND, none) >= 0):
        return True
    if c.words("it") and w.HERE in c.has and len(c.tokens) <= _NEAR + 1:
        return True
    if "arrive" in c.tokens or any(token.startswith(("attach", "upload")) for token in c.tokens):
        return True
    return c.every(w.LOOK, w.ME) and (c.tokens[-1] in _NONE_OF_IT or c.tokens == _IT_I_LACK)


def _denied(c: ReadClause, picture: int) -> bool:
    """Whether it is a picture that is denied, and one that may come; not what can't be read in pictures."""
    if picture < 0 or c.foreign:
        return c.any(w.LOOK + w.SEND + w.HERE) and not (c.every(w.CANNOT, w.DO) and w.LOOK not in c.has)
    if c.words("link", "url") or c.order(w.PICTURE, w.NOT, w.SEND + w.LOOK):
        return True
    denials = [at for at in range(len(c.kinds)) if not {w.NOT, w.CANNOT}.isdisjoint(c.kinds[at])]
    no = next((at for at in reversed(denials) if at < picture), denials[0])
    if no < picture:
        return _denied_before(c, no, picture)
    if c.first(w.LOOK + w.SEND + w.HERE + w.GONE, picture) < 0:
        return False
    return w.SEND in c.has or not c.order(w.PICTURE, w.DO + w.RULE)


def _denied_before(c: ReadClause, no: int, picture: int) -> bool:
    """As in "I see no image", and not as in "I can't describe images" and "no opinion on the image"."""
    said = set(c.tokens[no + 1 : picture])
    between = set("".join(w.SEND if c.tokens[at] in w.PARTICIPLES else c.kinds[at] for at in range(no + 1, picture)))
    if "here" in c.tokens and not said.isdisjoint(_NOTICE):
        return True
    if not between.isdisjoint(w.RULE + w.DO + w.GIVE):
        return False
    if not said.isdisjoint(_GOVERNS) and (w.ADVICE in between or between.isdisjoint(w.LOOK + w.SEND)):
        return False
    at_large = w.CANNOT in c.kinds[no] and c.tokens[picture] in w.MANY and c.tokens[picture - 1] in _BARE
    if at_large and w.LOOK not in between:
        return False
    near = w.NOT in c.kinds[no] and (picture - no <= _NEAR or c.tokens[0] == "there")
    return near or not between.isdisjoint(w.LOOK + w.SEND)
