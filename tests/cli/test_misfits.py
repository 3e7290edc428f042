# ruff: noqa: E501 (one case a line, so that all of them are seen at once)
"""Plugins that do not fit are refused in one line that names them and says what is wrong, and are never a score."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.cli.conftest import Said

Call = Callable[..., Said]

HEAD = """
import mmrad_eval
from mmrad_eval import Answer, Card, Column, Dataset, Message, Reply, Report, Study, Text
"""
MODEL = (
    HEAD
    + """
class Good:
    card = Card(provider="mine", id="good")
    def generate(self, sent):
        return Reply(text="FINDINGS: Clear.")
"""
)
TASK = (
    HEAD
    + """
class Good:
    name, given, needs = "good", False, {"images"}
    async def converse(self, study, context):
        reply = await context.ask([Message("user", (Text("Go."), *study.images))])
        return mmrad_eval.read_answer(reply, context.target)
"""
)
METRIC = (
    HEAD
    + """
import numpy as np
class Good:
    name, columns, statistics = "good@mine", (Column("Good", "mine"),), ("sum", "n")
    def signature(self, context): return "good|v1"
    def measure(self, examples, context): return np.ones((len(examples), 2))
    def reduce(self, sums): return sums[..., :1] / sums[..., 1:]
"""
)
READER = (
    HEAD
    + """
def good(source):
    yield Study("a", reference=Report("Clear.", findings="Clear."))
"""
)
KINDS = {
    "model": (MODEL, ("--model", "p.py:X", "--task", "direct", "--metrics", "bleu@raw")),
    "task": (TASK, ("--model", "good.py:Good", "--task", "p.py:X", "--metrics", "bleu@raw")),
    "metric": (METRIC, ("--model", "baseline:normal", "--task", "direct", "--metrics", "p.py:X")),
    "dataset": (
        READER,
        ("--model", "baseline:normal", "--task", "direct", "--metrics", "bleu@raw", "--data", "p.py:X:data"),
    ),
}


@pytest.fixture
def run(call: Call, tmp_path: Path) -> Callable[[str, str], Said]:
    """Run a plugin of a kind, written as what is added to a good one's file."""
    (tmp_path / "good.py").write_text(MODEL)
    (tmp_path / "data").write_text("")

    def run(kind: str, code: str) -> Said:
        good, words = KINDS[kind]
        (tmp_path / "p.py").write_text(good + code)
        return call(*words, "--limit", "2", "-q")

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_one_runs_from_its_class_its_object_and_a_factory(run: Callable[[str, str], Said], kind: str) -> None:
    codes = ("X = good",) if kind == "dataset" else ("X = Good", "X = Good()", "def X():\n    return Good()")
    for code in codes:
        said = run(kind, code)
        assert said.code == 0, said.err


MISFITS = [
    # before anything is asked
    ("model", "class X(Good):\n    card = None", "its `card` must be Card, not None"),
    ("model", "class X:\n    def generate(self, sent): ...", "X: it has no `card`"),
    ("model", "class X:\n    card = Good.card", "neither `generate(sent)` nor `answer(study, shown, donor)`"),
    ("model", "class X(Good):\n    def generate(self): ...", "can't be called as `generate(sent)`"),
    ("model", "class X(Good):\n    def __init__(self): raise RuntimeError('no\\nGPU')", "could not be created: RuntimeError: no GPU"),
    ("model", "class X(Good):\n    def __init__(self, path): ...", "called as (), which X(path) does not accept"),
    ("model", "class X(Good):\n    def close(self, now): ...", "can't be called as `close()`"),
    ("model", "class X(Good):\n    max_edge = '512'", "its `max_edge` must be int or None, not '512' (str)"),
    ("model", "class X(Good):\n    @property\n    def card(self): raise OSError('disk')", "OSError: disk"),
    ("model", "X = 7", "int has neither"),
    ("model", "X = None", "it is None"),
    ("model", "def X(sent):\n    return 'Clear.'", "decorate a function with @mmrad_eval.model"),
    ("model", "@mmrad_eval.model\ndef X():\n    return 'Clear.'", "can't be called as `generate(sent)`"),
    ("model", "X = mmrad_eval.Provider('mine', 'a host')", "is a provider and needs an id"),
    ("task", "class X(Good):\n    def converse(self, study, context): ...", "its `converse` is no coroutine; write `async def"),
    ("task", "class X(Good):\n    async def converse(self, study): ...", "can't be called as"),
    ("task", "class X:\n    name = 'x'", "it has no `given`, `needs`, `async def converse(study, context)`"),
    ("task", "class X(Good):\n    needs = 'images'", "its `needs` must be a set of str"),
    ("task", "class X(Good):\n    version = '1'", "its `version` must be int, not '1' (str)"),
    ("task", "class X(Good):\n    def prompt(self): return None", "`prompt()` returned NoneType, not str"),
    ("task", "class X(Good):\n    def prompt(self): raise KeyError('words')", "KeyError: 'words'"),
    ("task", "class X(Good):\n    def lacks(self, study, donor, target): raise KeyError('x')", "lacks of task good failed: KeyError"),
    ("task", "class X(Good):\n    def for_card(self, card): raise KeyError('x')", "for_card of task good failed: KeyError"),
    ("task", "class X(Good):\n    def for_card(self, card): return None", "task good is not valid: it is None"),
    ("task", "class Y(Good):\n    def lacks(self, study, donor, target): return 3\nclass X(Good):\n    def for_card(self, card): return Y()", "lacks of task good returned 3 (int), not str"),
    ("task", "async def X(study, context): ...", "decorate a coroutine with @mmrad_eval.task"),
    ("task", "@mmrad_eval.task('x')\ndef X(study, context): ...", "is no coroutine"),
    ("task", "@mmrad_eval.task\nasync def X(study, context): ...", "@task needs a name"),
    ("task", "X = mmrad_eval.mean_metric('m', lambda a, b: 1.0)", "MeanMetric: it has no"),
    ("metric", "class X(Good):\n    columns = ('Good',)", "its `columns` must be a sequence of Column"),
    ("metric", "class X(Good):\n    statistics = 'sum'", "its `statistics` must be a sequence of str"),
    ("metric", "class X(Good):\n    reduce = None", "its `reduce` must be a method `reduce(sums)`"),
    ("metric", "class X(Good):\n    async def measure(self, examples, context): ...", "its `measure` is a coroutine"),
    ("metric", "class X(Good):\n    name = 'bleu@raw'", "a metric or suite already has the name 'bleu@raw'"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda text: 1.0)", "can't be called with two texts"),
    ("metric", "X = mmrad_eval.mean_metric('m')", "mean_metric"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: None)", "metric m returned None"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: float('nan'))", "metric m returned nan"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: 'high')", "metric m returned 'high'"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: {})", "returned an empty mapping"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: 1 / 0)", "ZeroDivisionError"),
    ("dataset", "X = 3", "it has no `__call__(source)`"),
    ("dataset", "def X(): ...", "is not valid"),
    ("dataset", "async def X(source): ...", "is not valid"),
    ("dataset", "X = mmrad_eval.reader(good)", "@reader needs a name"),
    ("dataset", "X = mmrad_eval.reader('x')(lambda: [])", "can't be called as `__call__(source)`"),
    ("dataset", "@mmrad_eval.reader('x')\nasync def X(source): return []", "is a coroutine; write `def __call__(source)`"),
    ("dataset", "X = mmrad_eval.reader('x', data_use='public')(good)", "its `data_use` must be open, unknown, credentialed"),
    ("task", "class X(Good):\n    needs = {'lateral'}", "its `needs` name 'lateral'; a study can have donor, images, trace"),
    ("task", "class X(Good):\n    name = 'direct'", "another task already has the name 'direct'"),
    ("task", "class X(Good):\n    name = 'a,b'", "the name 'a,b' must not contain ','"),
    ("task", "X = mmrad_eval.task('x', needs=3)(Good().converse)", "its `needs` must be a set of str, not 3"),
    ("task", "X = mmrad_eval.task('x', shown=lambda: None)(Good().converse)", "its `shown()` can't be called as `shown(study, context)`"),
    ("metric", "X = mmrad_eval.mean_metric('', lambda a, b: 1.0)", "the name '' must be visible characters"),
    ("metric", "X = mmrad_eval.mean_metric('a\\nb', lambda a, b: 1.0)", "the name 'a\\nb' must be visible characters"),
    ("metric", "X = mmrad_eval.mean_metric('a|b', lambda a, b: 1.0)", "must not contain '|'"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: 1.0, better='up')", "its column m @ custom: Invalid enum value 'up'"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: {1: 1.0, '1': 2.0})", "returned two numbers with one name"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: exit(0))", "failed: SystemExit: 0"),
    ("metric", "class X(Good):\n    requires = ('gone@mine',)", "metric good@mine requires 'gone@mine': no metric is called 'gone@mine'"),
    ("model", "class X(Good):\n    def __init__(self): raise mmrad_eval.MissingError('it needs a scanner', 'buy one')", "p.py:X: it needs a scanner; buy one"),
    ("task", "def X(): raise mmrad_eval.MissingError('it needs tea', 'brew some')", "p.py:X: it needs tea; brew some"),
    ("model", "class X(Good):\n    card = Card(provider='mine', id='x', max_images='3')", "its card is not a valid Card: Expected `int | null`, got `str` - at `$.max_images`"),
    ("model", "class X(Good):\n    card = Card(provider='', id='x')", "its card: the name '' must be visible"),
    ("model", "class X(Good):\n    card = Card(provider='baseline', id='normal')", "the provider 'baseline' of its card is built in"),
    ("model", "class X(Good):\n    def adapt(self, request): return None", "adapt of model mine:good returned None (NoneType), not Request"),
    ("model", "class X(Good):\n    def edge_for(self, images): return '512'", "edge_for of model mine:good returned '512' (str), not int or None"),
    ("model", "class X(Good):\n    async def prepare(self): raise ValueError('no net')", "model mine:good: prepare failed: ValueError: no net"),
    ("model", "class X(Good):\n    def close(self): raise ValueError('busy')", "model mine:good: close failed: ValueError: busy"),
    ("task", "class X(Good):\n    def lacks(self, study, donor, target): return True", "lacks of task good returned True (bool), not str"),
    ("task", "class X(Good):\n    async def converse(self, study, context): await context.ask([Message('user', (Text('Go.'),))], extra={'a': object()})", "that is not JSON"),
    ("task", "class X(Good):\n    async def converse(self, study, context): await context.ask([Message('user', (Text('Go.'),))], extra=[1])", "extra [1] (list), not a mapping"),
    ("task", "class X(Good):\n    async def converse(self, study, context): return Answer('other', 'ok', report=Report('x', findings='x'))", "returned the Answer of study 'other' for study demo-01"),
    ("metric", "class X(Good):\n    name = 'lexical'", "a metric or suite already has the name 'lexical'"),
    ("metric", "class X(Good):\n    name = 'evaluate:mine'", "a metric or suite already has the name 'evaluate:mine'"),
    ("metric", "class X(Good):\n    languages = 'en'", "its `languages` must be a set of str, not 'en' (str)"),
    ("metric", "class X(Good):\n    measures = 3", "its `measures` must be str, not 3 (int)"),
    ("metric", "class X(Good):\n    def question(self, example): return []", "it has no `judged(said)`"),
    ("metric", "class X(Good):\n    def measure(self, examples, context): return np.ma.masked_all((len(examples), 2))", "returned a masked array"),
    ("metric", "class X(Good):\n    def measure(self, examples, context): return np.array([[np.datetime64('2020'), 1]] * len(examples))", "contains no numbers"),
    ("metric", "class X(Good):\n    def reduce(self, sums):\n        sums[:] = 0\n        return sums[..., :1]", "reduce failed: ValueError: assignment destination is read-only"),
    ("dataset", "@mmrad_eval.reader('x', recognises='*.x')\ndef X(source): yield Study('a')", "its `recognises` is not a function"),
    ("dataset", "@mmrad_eval.reader('x', recognises=lambda: True)\ndef X(source): yield Study('a')", "can't be called as `recognises(path)`"),
    ("dataset", "@mmrad_eval.reader('')\ndef X(source): yield Study('a')", "the name '' must be visible"),
    ("dataset", "@mmrad_eval.reader('demo')\ndef X(source): yield Study('a')", "another format already has the name 'demo'"),
    # while it is used
    ("task", "class X(Good):\n    async def converse(self, study, context): return 'Clear.'", "task good returned str, not mmrad_eval.Answer"),
    ("task", "class X(Good):\n    async def converse(self, study, context): return None", "task good returned None"),
    ("task", "class X(Good):\n    async def converse(self, study, context): return Answer(study.id)", "an Answer of status 'pending'"),
    ("task", "class X(Good):\n    async def converse(self, study, context): return Answer(study.id, 'ok', report='Clear.')", "whose report is no"),
    ("task", "class X(Good):\n    async def converse(self, study, context): return Answer(study.id, 'ok', report=Report('x', findings=3))", "returned an invalid Answer"),
    ("task", "from mmrad_eval import Box, Step, Trace\nclass X(Good):\n    async def converse(self, study, context): return Answer(study.id, 'ok', trace=Trace((Step(box=Box((0.0, 1.0, 2.0, float('inf')))),)))", "returned an invalid Answer"),
    ("task", "class X(Good):\n    async def converse(self, study, context): return Answer(study.id, 'ok', report=Report('\\ud800'))", "returned an invalid Answer"),
    ("task", "class X(Good):\n    async def converse(self, study, context): await context.ask('Go.')", "task good called ask with str"),
    ("task", "class X(Good):\n    async def converse(self, study, context): await context.ask([])", "task good called ask with no message"),
    ("task", "class X(Good):\n    async def converse(self, study, context): await context.ask([Message('boss', (Text('Go.'),))])", "of role 'boss'"),
    ("task", "class X(Good):\n    async def converse(self, study, context): await context.ask([Message('user', 'Go.')])", "not a tuple of Text and Image"),
    ("metric", "class X(Good):\n    def measure(self, examples, context): return np.ones((len(examples), 2)) * 1j", "contains no numbers"),
    ("metric", "class X(Good):\n    def measure(self, examples, context): return np.ones(3)", "measure returned an array of shape (3,)"),
    ("metric", "class X(Good):\n    def measure(self, examples, context): return [['a', 'b']] * len(examples)", "contains no numbers"),
    ("metric", "class X(Good):\n    def measure(self, examples, context): return None", "measure returned"),
    ("metric", "class X(Good):\n    def measure(self, examples, context): return np.ones((len(examples), 2)) * np.nan", "statistics must be finite"),
    ("metric", "class X(Good):\n    def measure(self, examples, context): raise ValueError('a\\nb')", "measure failed: ValueError: a b"),
    ("metric", "class X(Good):\n    def reduce(self, sums): return sums", "reduce returned an array of shape"),
    ("metric", "class X(Good):\n    def signature(self, context): return 7", "signature returned 7"),
    ("metric", "class X(Good):\n    def fit(self, corpus): raise OSError('gone')", "fit failed: OSError: gone"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: float('nan') if a != b else 1.0)", "returned nan"),
    ("metric", "X = mmrad_eval.mean_metric('m', lambda a, b: {'p': 1} if a == b else {'q': 1})", "the same numbers in the same order"),
    ("dataset", "def X(source): yield {'id': 'a'}", "study 1 is of type dict, not mmrad_eval.Study"),
    ("dataset", "def X(source): return None", "returned NoneType, not studies or a Dataset"),
    ("dataset", "def X(source): return {'a': 'Clear.'}", "returned dict, not studies or a Dataset"),
    ("dataset", "def X(source): return Dataset('d', [{'id': 1}], 'open', 's')", "study 1 is of type dict"),
    ("dataset", "def X(source):\n    yield Study('a')\n    raise ValueError('line 2')", "ValueError: line 2"),
    ("dataset", "def X(source): exit(0)", "failed on data: SystemExit: 0"),
    ("dataset", "def X(source): yield Study('')", "study 1 has an empty id"),
    ("dataset", "def X(source): yield Study('\\ud800')", "surrogates not allowed"),
    ("dataset", "def X(source): return Dataset('d', (Study('a'), Study('a')), 'open')", "studies 1 and 2 share the id"),
    ("dataset", "def X(source): return Dataset('d', (Study('a'),), 'public')", "its data_use is 'public'"),
    ("dataset", "def X(source): yield Study(7)", "study 1 (7) is not a valid Study: Expected `str`, got `int`"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "code", "words"), MISFITS)
def test_a_misfit_is_refused_in_one_line(run: Callable[[str, str], Said], kind: str, code: str, words: str) -> None:
    said = run(kind, code)
    lines = [line for line in said.err.splitlines() if line.startswith("mmrad-eval: ")]

    assert said.code in {1, 2}, said.err
    assert len(lines) == 1, said.err
    assert words in lines[0]
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("return None", "returned NoneType, not a string or mmrad_eval.Reply"),
        ("return 7", "returned int, not a string"),
        ("raise OSError('disk')", "OSError: disk"),
        ("exit(0)", "SystemExit: 0"),
        ("return next(iter(()))", "StopIteration"),
        ("return Reply('FINDINGS: Clear.', finish='done')", "an invalid Reply: Invalid enum value 'done'"),
        ("return Reply(parts=('FINDINGS: Clear.',))", "an invalid Reply: Expected `object`, got `str`"),
        ("return Reply('Clear.', usage=mmrad_eval.Usage('many'))", "Expected `int | null`, got `str`"),
        ("import asyncio; raise asyncio.CancelledError", "the model failed: CancelledError"),
    ],
)
def test_a_model_that_returns_no_reply_is_never_a_score(
    run: Callable[[str, str], Said], code: str, words: str, tmp_path: Path
) -> None:
    said = run("model", f"@mmrad_eval.model\ndef X(sent):\n    {code}")

    assert said.code == 3
    assert words in said.err
    assert not list((tmp_path / "results").rglob("summary.json"))


def test_a_task_that_catches_the_end_of_a_request_makes_no_score_of_it(call: Call, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import mmrad_eval\n@mmrad_eval.model\ndef broken(sent):\n    raise OSError\n")
    (tmp_path / "p.py").write_text(
        TASK
        + """
class X(Good):
    async def converse(self, study, context):
        try:
            await context.ask([Message("user", (Text("Go."),))])
        except BaseException:
            pass
        return Answer(study.id, "ok", report=Report("Clear."))
"""
    )
    said = call("--model", "broken.py", "--task", "p.py:X", "--metrics", "bleu@raw", "--limit", "2", "-q")

    assert said.code == 3
    assert not list((tmp_path / "results").rglob("summary.json"))


def test_a_class_in_a_file_needs_no_name_where_it_is_the_only_model(call: Call, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(MODEL)

    assert call("--model", "p.py", "--task", "direct", "--metrics", "bleu@raw", "--limit", "1", "-q").code == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("X = mmrad_eval.Provider('vllm', 'a host')", "another provider already has the name 'vllm'"),
        (
            "X = mmrad_eval.Provider('mine', 'a host', lambda card, how: None)",
            "of provider mine is not valid: it is None",
        ),
        ("X = mmrad_eval.Provider('mine', 'a host', lambda card: None)", "client of provider mine failed: TypeError"),
        ("X = Good()", "takes nothing after its name, but 'm' was given"),
    ],
)
def test_a_provider_that_does_not_fit_is_refused_in_one_line(call: Call, tmp_path: Path, code: str, words: str) -> None:
    (tmp_path / "p.py").write_text(MODEL + code)
    said = call("--model", "p.py:X:m", "--task", "direct", "--limit", "1")

    assert said.code in {1, 2}
    assert words in said.err
    assert len(said.err.splitlines()) == 1, said.err


@pytest.mark.parametrize("returned", ["'Clear.'", "7", "{'text': 'Clear.'}"])
def test_an_answerer_that_returns_no_report_ends_the_run(run: Callable[[str, str], Said], returned: str) -> None:
    said = run("model", f"class X:\n    card = Good.card\n    def answer(self, study, shown, donor): return {returned}")

    assert said.code == 1
    assert "model mine:good returned" in said.err


@pytest.mark.parametrize(
    ("text", "spec", "words"),
    [
        ("import nothing_of_this_name", "p.py:X", "p.py:1 fails when it is imported: ModuleNotFoundError"),
        ("x = 1\ny = x +", "p.py:X", "p.py:2 is not Python"),
        ("import good", "p.py:X", "No module named 'good'; it lies beside the file"),
        ("raise GeneratorExit", "p.py:X", "p.py:1 fails when it is imported: GeneratorExit"),
        ("import sys\nsys.exit(3)", "p.py:X", "p.py:2 fails when it is imported: SystemExit: 3"),
        (MODEL, "gone.py:Good", "gone.py: no such file"),
        (MODEL, "p.py:Gud", "has no 'Gud'; did you mean Good? it defines"),
        (MODEL + "class Other(Good): ...", "p.py", "contains several models (Good, Other): name"),
        (METRIC, "p.py", "contains no model; it defines Good"),
        ("", "p.py", "contains no model; it defines nothing"),
        ("def __getattr__(name): raise RuntimeError('lazy')", "p.py:X", "RuntimeError: lazy"),
        (MODEL + "x = Good()", "p.py:x:7b", "takes nothing after its name"),
        ("\0", "p.py:X", "p.py is not Python: source code string cannot contain null bytes"),
    ],
)
def test_a_file_that_can_not_be_used_says_why(call: Call, tmp_path: Path, text: str, spec: str, words: str) -> None:
    (tmp_path / "good.py").write_text(MODEL)
    (tmp_path / "p.py").write_text(text)
    said = call("--model", spec, "--task", "direct", "--limit", "1")

    assert said.code in {1, 2}
    assert words in said.err
    assert len(said.err.splitlines()) == 1, said.err


PACKAGE = """
import mmrad_eval
from mmrad_eval import Study

def raw(sent): return "Clear."

def scanner(): raise mmrad_eval.MissingError("it needs a scanner", "buy one")

@mmrad_eval.task("its-own")
async def task(study, context): ...

metric = mmrad_eval.mean_metric("its-own", lambda a, b: 1.0)

@mmrad_eval.reader("broken", recognises=lambda path: 1 / 0)
def broken(source): yield Study("a")

@mmrad_eval.reader("vague", recognises=lambda path: "maybe")
def vague(source): yield Study("a")
"""


@pytest.mark.parametrize(
    ("group", "attribute", "words", "why"),
    [
        (
            "models",
            "raw",
            ["--model", "x"],
            "model x (unknown, misfit_package:raw) can't be created: it is called as ()",
        ),
        ("models", "gone", ["--model", "x"], "misfit_package has no 'gone'"),
        ("models", "scanner", ["--model", "x"], "(unknown, misfit_package:scanner): it needs a scanner; buy one"),
        ("providers", "raw", ["--model", "x:m"], "it is function, not a mmrad_eval.Provider"),
        ("tasks", "task", ["--task", "x"], "calls itself 'its-own'; register it under that name"),
        ("metrics", "metric", ["--metrics", "x"], "calls itself 'its-own'; register it under that name"),
        ("datasets", "broken", ["--data", "a.foo"], "ZeroDivisionError: division by zero; name the format"),
        ("datasets", "vague", ["--data", "a.foo"], "recognises(a.foo) returned 'maybe' (str), not bool"),
    ],
)
def test_a_misfit_of_an_installed_package_is_refused_in_one_line(  # noqa: PLR0917 (one case and its fixtures)
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    group: str,
    attribute: str,
    words: list[str],
    why: str,
) -> None:
    (tmp_path / "misfit_package.py").write_text(PACKAGE)
    (tmp_path / "a.foo").write_text("a")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("x", f"misfit_package:{attribute}", f"mmrad_eval.{group}")
    monkeypatch.setattr("mmrad_eval.core.registry._points", lambda: (point,))
    usual = {"--model": "baseline:normal", "--task": "direct", "--metrics": "bleu@raw"}
    said = call(*(part for pair in (usual | dict([words])).items() for part in pair), "--limit", "1", "-q")

    assert said.code == 1, said.err
    assert why in said.err
    assert len(said.err.splitlines()) == 1, said.err
