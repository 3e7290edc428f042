"""Writes docs/formats.md from the records that define the files: ``python scripts/formats.py``."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

from mmrad_eval.construction import card
from mmrad_eval.construction import records as lines
from mmrad_eval.construction.leak import Leak
from mmrad_eval.construction.options import BuildOptions
from mmrad_eval.core import journal, replies, values
from mmrad_eval.reader_studies import forms
from mmrad_eval.reader_studies import records as readers
from mmrad_eval.results.run import judged, record, scores, summary

PAGE = Path(__file__).resolve().parent.parent / "docs" / "formats.md"

HEAD = """\
# Files and their fields

Written by `scripts/formats.py` from the code that defines the files; a test holds this page to it. Fields that
hold their default are omitted from JSON lines. A later version reads what an earlier one wrote, or says in one line
that it can't. Added fields have defaults, and change neither request keys nor run ids as long as they hold them.

| file under `results/` | holds | version |
|---|---|---|
| `replies/<dataset>/<model>/<uuid>.jsonl` | requests and replies, one per line, append-only | {journal} (1 is read) |
| `replies/<dataset>/<model>/images/` | images that the model made, named by their SHA-256 | |
| `replies/<dataset>/images/<uuid>.jsonl` | digests of image files by path, size and time, append-only | {journal} |
| `runs/<dataset>/<task>/<model>/<run id>/run.json` | what decides the numbers of a run | `{run}` (`{old}` is read) |
| `…/answers.jsonl` | one answer per study, in the order of the dataset (`.part` while the run is in progress) | |
| `…/drawn/` | images that the model drew, whose paths begin with `drawn:`; links to the journal's files, or copies | |
| `…/scores.parquet` | statistics and values of each study | |
| `…/judged.jsonl` | what judges said of each study, as the metrics that asked them read it | |
| `…/summary.json` | columns of a run, with intervals | `{summary}` |

A reader study (`docs/readers.md`) is a folder of its own: `key.json` (`{key}`) and `pages/`; its readers send back
files of answers (`{answers}`).

A build (`docs/build.md`) is a folder of its own too: `stages/n-NAME.jsonl`, one line per image, sorted by id;
`build.json` (`{build}`) and `card.md`; `traces.jsonl` (`mmrad.trace/1`, docs/traces.md) and `mmrad.jsonl`, the
authors' form; `images/`; `plants.jsonl`; `journal/`.

Files of version 0.1.0 are still read. Rejections in its journals are interpreted by today's rules (one that these do
not attribute to the model is requested again). In its run folders, `deciding` is read as `identity` and the status
`open` as `pending`.
"""

PARTS: tuple[tuple[str, tuple[type, ...]], ...] = (
    (
        "The journal's reply",
        (
            replies.Reply,
            replies.Text,
            replies.Reasoning,
            replies.OutputImage,
            replies.ToolCall,
            replies.Served,
            replies.Usage,
        ),
    ),
    (
        "run.json",
        (
            record.Run,
            record.RunIdentity,
            record.Selection,
            values.Decoding,
            values.Card,
            record.StudyCounts,
            record.ServerCache,
        ),
    ),
    (
        "answers.jsonl",
        (values.Answer, values.Report, values.Trace, values.Step, values.Box, values.Image),
    ),
    ("judged.jsonl", (judged.JudgedRecord,)),
    ("summary.json", (summary.Summary, summary.ColumnSummary, summary.MissingColumns)),
    (
        "key.json of a reader study",
        (
            readers.StudyKey,
            readers.StudyArm,
            readers.KeyCase,
            readers.KeyReader,
            readers.KeyReading,
            forms.ReaderForm,
            forms.FormQuestion,
            forms.FormOption,
        ),
    ),
    ("answers of a reader", (readers.ReaderAnswers, readers.ReadingAnswer)),
    (
        "a line of a stage of a build",
        (
            lines.StageLine,
            lines.CollectedStudy,
            lines.SourceRegion,
            lines.SourceRow,
            lines.TraceStatement,
            lines.CheckFinding,
            lines.BuiltStep,
            lines.BuiltImage,
        ),
    ),
    ("build.json", (card.BuildRecord, BuildOptions, card.BuildModel, card.PlantedRecall, Leak)),
)


def page() -> str:
    """The whole page."""
    head = HEAD.format(
        journal=journal.VERSION,
        run=record.SCHEMA,
        old=record.VERSION_1,
        summary=summary.SCHEMA,
        key=readers.KEY_SCHEMA,
        answers=readers.ANSWERS_SCHEMA,
        build=card.SCHEMA,
    )
    made = [head, "## The journal's line\n\n" + described(journal)]
    for title, kinds in PARTS:
        made.append(f"## {title}\n")
        made += [table(kind) for kind in kinds]
    made.append("## scores.parquet\n\n" + described(scores))
    return "\n".join(made)


def described(module: object) -> str:
    """What a module says of its file."""
    text = inspect.cleandoc(module.__doc__ or "")
    return text.replace("::\n", ":\n").replace(" :\n", ":\n").replace("``", "`") + "\n"


def table(kind: type) -> str:
    """The fields of one record."""
    rows = [f"| `{name}` | `{of}` | {default} | {words} |" for name, of, default, words in fields(kind)]
    words = " ".join((kind.__doc__ or "").split("\n\n")[0].split()).replace("``", "`")
    head = f"### {kind.__name__}\n\n{words}\n\n| field | type | default | meaning |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def fields(kind: type) -> list[tuple[str, str, str, str]]:
    """Name, type, default and meaning of each field, as its class states them."""
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    found = []
    for number, node in enumerate(tree.body):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        of = ast.unparse(node.annotation)
        if of.startswith("ClassVar"):
            continue
        after = tree.body[number + 1] if number + 1 < len(tree.body) else None
        words = ast.literal_eval(after.value) if _is_text(after) else ""
        default = "" if node.value is None else f"`{ast.unparse(node.value)}`"
        found.append((node.target.id, of.replace("|", "\\|"), default, " ".join(words.replace("``", "`").split())))
    return found


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
