"""The digest of a plugin changes with what it does, and with nothing else; what can't be told apart is refused."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.plugins import Plugin
from mmrad_eval.core.provenance import DIGITS, source_of
from mmrad_eval.core.values import Reply

LIMIT = 3
LOCK = threading.Lock()


def digest(value: object) -> str:
    return source_of(Plugin(value, "it", "object", found=value))


def made(text: str, name: str = "f") -> Any:
    """What a cell of a notebook defines, without source text."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(text, space)
    return space[name]


def closed_over(value: object) -> Callable[[], object]:
    return lambda: value


class Scaled:
    """A plugin with an attribute and a method that uses a function of this module."""

    def __init__(self, scale: object) -> None:
        self.scale = scale

    def value(self) -> object:
        return closed_over(self.scale)()


def test_it_is_short_hexadecimal_text() -> None:
    assert re.fullmatch(rf"[0-9a-f]{{{DIGITS}}}", digest(made))


def test_it_stays_the_same_for_equal_objects() -> None:
    assert digest(Scaled(1)) == digest(Scaled(1))
    assert digest(closed_over("a")) == digest(closed_over("a"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        ("1", 1),
        (b"a", "a"),
        ([1, 2], [2, 1]),
        ([1], (1,)),
        ({"a": 1}, {"a": 2}),
        ({1, 2}, {1, 3}),
        (re.compile("a"), re.compile("a", re.IGNORECASE)),
        (np.zeros(2), np.ones(2)),
        (np.zeros(2), np.zeros(2, dtype=np.float32)),
        (np.zeros((2, 1)), np.zeros((1, 2))),
        (Reply("a"), Reply("b")),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (Scaled(1), Scaled(2)),
        (len, max),
        (Path("a"), "a"),
    ],
)
def test_values_that_differ_have_other_digests_in_an_attribute_a_closure_and_a_partial(
    one: object, other: object
) -> None:
    assert digest(Scaled(one)) != digest(Scaled(other))
    assert digest(closed_over(one)) != digest(closed_over(other))
    assert digest(functools.partial(closed_over, one)) != digest(functools.partial(closed_over, other))


def test_the_order_of_a_set_does_not_count() -> None:
    assert digest(Scaled({"a", "b", "c"})) == digest(Scaled({"c", "b", "a"}))


@pytest.mark.parametrize(
    "edited",
    [
        "K = 2\ndef g(): return K\ndef f(x=1): return g() + x",
        "K = 1\ndef g(): return K * 2\ndef f(x=1): return g() + x",
        "K = 1\ndef g(): return K\ndef f(x=2): return g() + x",
        "K = 1\ndef g(): return K\ndef f(x=1): return g() - x",
        "K = 1\ndef g(): return K\ndef f(x=1): return [g() - y for y in (x,)]",
    ],
)
def test_an_edit_of_a_function_its_defaults_or_what_it_uses_changes_it(edited: str) -> None:
    before = "K = 1\ndef g(): return K\ndef f(x=1): return g() + x"

    assert digest(made(before)) == digest(made(before))
    assert digest(made(edited)) != digest(made(before))


def test_what_a_function_does_not_use_does_not_count() -> None:
    assert digest(made("K = 1\ndef f(): return 1")) == digest(made("K = 2\nJ = 5\ndef f(): return 1"))


@pytest.mark.parametrize(
    "edited",
    [
        "class f:\n    a = 2\n    def m(self): return 1",
        "class f:\n    a = 1\n    def m(self): return 2",
        "class f:\n    a = 1\n    @staticmethod\n    def m(self): return 2",
        "class f:\n    a = 1\n    @property\n    def m(self): return 2",
        "class B:\n    b = 1\nclass f(B):\n    a = 1\n    def m(self): return 1",
    ],
)
def test_an_edit_of_a_class_or_its_bases_changes_it(edited: str) -> None:
    before = "class f:\n    a = 1\n    def m(self): return 1"

    assert digest(made(before)()) == digest(made(before)())
    assert digest(made(edited)()) != digest(made(before)())


def test_functions_that_call_each_other_have_one() -> None:
    assert digest(made("def g(): return f()\ndef f(): return g()"))


def test_an_object_that_holds_itself_has_one() -> None:
    loop = Scaled(1)
    loop.scale = [loop]

    assert digest(loop)


@pytest.mark.parametrize(
    "value", [LOCK, (x for x in "a"), np.random.default_rng(1)], ids=lambda value: type(value).__name__
)
def test_what_has_no_source_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(UsageError, match=r"it\.scale is a .*; put it in a file"):
        digest(Scaled(value))


def test_a_function_that_uses_a_lock_of_its_module_is_refused() -> None:
    def locked() -> None:
        with LOCK:
            pass

    with pytest.raises(UsageError, match=r"`LOCK` is a _thread\.lock"):
        digest(locked)


def test_of_a_file_bytes_name_and_rest_count_and_its_place_does_not(tmp_path: Path) -> None:
    for folder, text in (("one", "x = 1"), ("two", "x = 1"), ("edited", "x = 1  # edited")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.py").write_text(text)

    def of(folder: str, name: str = "x", rest: str = "") -> str:
        path = tmp_path / folder / "p.py"
        return source_of(Plugin(1, f"{path}:{name}", "file", rest, path=path))

    assert of("one") == of("two")
    assert len({of("one"), of("edited"), of("one", "y"), of("one", rest="7b")}) == 4


def test_an_installed_plugin_has_none() -> None:
    assert source_of(Plugin(1, "it", "some-package 1.0")) == ""
