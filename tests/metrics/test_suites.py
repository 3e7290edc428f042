"""Names to metrics: families, the default suite, options, what is missing, plugins."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmrad_eval.core.contracts import Column, Corpus
from mmrad_eval.core.errors import MissingError, PluginError, UnknownNameError, UsageError
from mmrad_eval.core.registry import Registry
from mmrad_eval.metrics import catalogue, members, registry, suite, suites

HERE = __name__


class Half:
    """A metric of one's own: half a point for every study."""

    name = "half"
    columns: Sequence[Column] = (Column("Half", "mine"),)
    statistics = ("halves", "studies")
    requires: Sequence[str] = ()

    def fit(self, corpus: object) -> None: ...
    def signature(self, context: object) -> object: ...
    def measure(self, examples: object, context: object) -> object: ...
    def reduce(self, sums: object) -> object: ...


class Composite(Half):
    name = "composite"
    columns = (Column("Composite", "mine"),)
    requires = ("half",)


class Other(Half):
    name = "other"


class OfMissing(Half):
    name = "of-missing"
    requires = ("missing",)


class Circle(Half):
    name = "circle"
    requires = ("circle",)


class NoReduce:
    name = "no-reduce"
    columns = ("x",)
    statistics = ("x",)
    requires = ()

    def fit(self, corpus: object) -> None: ...
    def signature(self, context: object) -> object: ...
    def measure(self, examples: object, context: object) -> object: ...


def missing(_: suites.Setup) -> object:
    raise MissingError("it needs weights", "mmrad-eval weights fetch it")


def told(setup: suites.Setup) -> object:
    metric = Half()
    metric.columns = (Column("Told", setup.name),)
    metric.name = f"{setup.name}/{setup.argument}/{setup.option('colour', 'red', ('red', 'blue'))}"
    return metric


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of the metrics above."""
    entries = {
        "half": "Half",
        "composite": "Composite",
        "missing": "missing",
        "of-missing": "OfMissing",
        "circle": "Circle",
        "no-reduce": "NoReduce",
        "told@one": "told",
        "told@two": "told",
        "told:": "told",
        "other": "Other",
    }
    made = Registry("metric", {name: (f"{HERE}:{target}", "") for name, target in entries.items()})
    monkeypatch.setattr(suites, "registry", lambda: made)


def test_the_default_suite_holds_the_conventions_of_papers_and_boards() -> None:
    names = members(["paper"])
    assert {"bleu@r2gen-iu", "bleu@r2gen-mimic", "bleu@rexrank", "rouge@radeval", "cider@r2gen-iu"} <= set(names)
    assert all(registry().get(name) for name in names)


def test_a_family_means_all_of_its_profiles() -> None:
    assert members(["bleu"]) == ["bleu@r2gen-iu", "bleu@r2gen-mimic", "bleu@rexrank", "bleu@radeval", "bleu@raw"]
    assert set(members(["bleu"])) < set(members(["lexical"]))


def test_a_name_asked_twice_is_there_once() -> None:
    assert members(["bleu@raw", "bleu", "bleu@raw"])[0] == "bleu@raw"
    assert len(members(["bleu@raw", "bleu"])) == len(members(["bleu"]))


def test_each_built_in_name_is_the_name_of_its_metric_and_profile() -> None:
    for metric in suite(["lexical"]):
        assert metric.name in members(["lexical"])
        assert {column.profile for column in metric.columns} == {metric.name.partition("@")[2]}


TRACES_ALONE = ("trace@strict", "trace@lenient", "grounding@")
"""What compares no report."""


def test_each_signature_says_which_part_of_a_report_is_scored() -> None:
    chosen = suite([entry.name for entry in registry() if not entry.name.endswith(":")])
    for metric in chosen:
        signature = metric.signature(metric.fit(Corpus([], target="impression")))
        assert ("|target:impression|" in signature) != metric.name.startswith(TRACES_ALONE), metric.name


def test_an_unknown_name_is_told_with_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="no metric is called 'bleu@rexrnk'; did you mean bleu@rexrank"):
        suite(["bleu@rexrnk"])
    with pytest.raises(UnknownNameError, match="did you mean rouge"):
        suite(["roge"])


def test_an_option_that_no_metric_takes_is_told_with_its_neighbour() -> None:
    with pytest.raises(UsageError, match="'candidat'; did you mean candidate"):
        suite(["bleu"], options={"candidat": "clean"})
    with pytest.raises(UsageError, match="candidate=dirty: bleu@r2gen-iu takes clean, as-is"):
        suite(["bleu"], options={"candidate": "dirty"})


@pytest.mark.usefixtures("known")
def test_a_required_metric_is_built_before_the_one_that_requires_it() -> None:
    assert [metric.name for metric in suite(["composite"])] == ["half", "composite"]


@pytest.mark.usefixtures("known")
def test_what_can_not_be_built_is_listed_with_its_remedy_and_so_is_what_is_made_of_it() -> None:
    built = suite(["of-missing", "half"])
    assert [metric.name for metric in built] == ["half"]
    assert [str(one) for one in built.missing] == [
        "missing is not scored: it needs weights; mmrad-eval weights fetch it",
        "of-missing is not scored: it is made of missing, and it needs weights; mmrad-eval weights fetch it",
    ]


@pytest.mark.usefixtures("known")
def test_a_factory_is_told_the_name_the_argument_and_the_options() -> None:
    names = [metric.name for metric in suite(["told", "told:rest:more"], options={"colour": "blue"})]
    assert names == ["told@one//blue", "told@two//blue", "told:rest:more/rest:more/blue"]


@pytest.mark.usefixtures("known")
def test_what_does_not_fit_the_contract_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(PluginError, match=r"metric no-reduce is not valid: NoReduce: it has no `reduce\(sums\)`"):
        suite(["no-reduce"])
    with pytest.raises(PluginError, match="in a cycle: circle -> circle"):
        suite(["circle"])


@pytest.mark.usefixtures("known")
def test_two_metrics_that_fill_one_column_are_refused() -> None:
    with pytest.raises(UsageError, match="half and other would both fill the column 'Half @ mine'"):
        suite(["half", "other"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"columns": ("Half",)}, "its `columns` must be a sequence of Column"),
        ({"columns": ()}, "its `columns` are empty"),
        ({"statistics": "sum"}, "its `statistics` must be a sequence of str"),
        ({"measure": lambda examples: examples}, "can't be called as `measure(examples, context)`"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, object], words: str) -> None:
    metric = Half()
    vars(metric).update(changed)

    with pytest.raises(PluginError, match=re.escape(words)):
        suite([metric])


def test_an_installed_package_adds_its_metric(tmp_path: Path) -> None:
    package = tmp_path / "words_metric-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: words-metric\nVersion: 1.0\nSummary: Counts words\n"
    )
    (package / "entry_points.txt").write_text("[mmrad_eval.metrics]\nwords@mine = words_metric:Words\n")
    (tmp_path / "words_metric.py").write_text(
        textwrap.dedent('''
        import numpy as np
        from mmrad_eval.core.contracts import Column

        class Words:
            """Mean number of words of a candidate."""
            name = "words@mine"
            columns = (Column("Words", "mine", better=""),)
            statistics = ("words", "studies")
            requires = ()
            def fit(self, corpus): return None
            def signature(self, context): return "words|v1"
            def measure(self, examples, context):
                return np.array([[len(e.candidate.split()), 1.0] for e in examples]).reshape(-1, 2)
            def reduce(self, sums): return sums[..., :1] / sums[..., 1:]
        ''')
    )
    script = """
        from mmrad_eval.metrics import registry, suite
        (metric,) = suite(["words"])
        entry = registry().entry("words@mine")
        print(metric.name, entry.origin, entry.summary, sep="|")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "words@mine|words-metric|Counts words", done.stderr


def test_listing_metrics_imports_nothing_heavy() -> None:
    script = "import sys; from mmrad_eval.metrics import catalogue; catalogue(); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert "paper" in catalogue()
