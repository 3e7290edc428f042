"""Everything that reads what others wrote, each with a small sound sample, as one table."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.core.errors import MmradError, TransportError
from mmrad_eval.core.values import Card, Image
from mmrad_eval.datasets import submissions
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.harness import experiment
from mmrad_eval.metrics.labelf1 import LABELS
from mmrad_eval.metrics.stored.graphs import read_graphs
from mmrad_eval.metrics.stored.labels import read_labels
from mmrad_eval.metrics.stored.tables import read_scores
from mmrad_eval.model_registry import anthropic, gemini, model_cards, openai_chat
from mmrad_eval.model_registry.transport import HttpResponse
from mmrad_eval.results.leaderboard.board import tables_of
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.validation.ratings import read_ratings
from mmrad_eval.results.validation.score_files import read_sheet
from mmrad_eval.traces import rendering
from mmrad_eval.traces.convert import convert
from tests.datasets.test_malformed_files import FILES
from tests.datasets.test_openi import XML
from tests.datasets.test_traces_of_others import graph

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
OURS: tuple[type[BaseException], ...] = (MmradError, TransportError)
"""How a fault may end: an error of the tree, or of a reply that is asked for again."""


@dataclass(frozen=True)
class Reader:
    """One reader: the name of its file, a sample, and how it is called with a path."""

    name: str
    file: str
    sample: bytes
    read: Callable[[Path], object]

    def run(self, data: bytes, folder: Path) -> None:
        """Write the bytes to ``folder`` and read them; what is raised and is not ``OURS`` is a defect."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        try:
            self.read(path)
        except OURS as error:
            assert "Traceback" not in str(error)  # noqa: PT017 - what it says is looked at, whichever it is
        finally:
            shutil.rmtree(folder)


def readers() -> list[Reader]:
    """All of them."""
    return [*_datasets(), *_predictions(), *_scores(), *_traces(), *_settings(), *_results(), *_replies(), *_pictures()]


def _datasets() -> Iterable[Reader]:
    def load(spec: str) -> Callable[[Path], object]:
        return lambda path: [study.id for study in datasets.load(f"{spec}:{path}").studies]

    for name, (file, sample) in FILES.items():
        yield Reader(f"data {name}", file, sample, load(name))
    yield Reader("data recognised", "x.jsonl", _lines(ROWS), lambda path: datasets.load(str(path)))
    yield Reader("data check", "x.csv", CSV, _checked)
    xml = XML.format(uid=10, findings="The lungs are clear.").encode()
    yield Reader("data openi xml", "ecgen-radiology/10.xml", xml, lambda path: datasets.load(f"openi:{path.parent}"))
    scene = "silver_dataset/scene_graph/a_SceneGraph.json"
    yield Reader(
        "data scene graph",
        scene,
        json.dumps(graph("a", "1", "2")).encode(),
        lambda path: list(datasets.load(f"chest-imagenome:{path.parent.parent.parent}").studies),
    )


def _checked(path: Path) -> object:
    from mmrad_eval.datasets.check import check
    from mmrad_eval.datasets.source import Source

    return check("table", Source(path=path), pixels=True).kinds()


def _predictions() -> Iterable[Reader]:
    forms = {
        "p.csv": CSV,
        "p.tsv": CSV.replace(b",", b"\t"),
        "p.jsonl": _lines(ROWS),
        "p.json": json.dumps(ROWS).encode(),
    }
    for file, sample in forms.items():
        yield Reader(f"predictions {file}", file, sample, read_predictions)
        yield Reader(f"predictions, lenient, {file}", file, sample, lambda path: read_predictions(path, strict=False))
    rexrank = {
        row["id"]: {"model_prediction": row["report"], "section_findings": None, "section_impression": "x"}
        for row in ROWS
    }
    for form, sample in (
        ("rexrank", json.dumps(rexrank).encode()),
        ("csv", b"study_id,report\ns1,clear\ns2,'- dash\n"),
        ("jsonl", _lines(ROWS)),
    ):
        yield Reader(f"submission {form}", f"s.{form}", sample, _submission(form))


def _submission(form: str) -> Callable[[Path], object]:
    return lambda path: submissions.faults(path, form, ["s1", "s2"])


def _scores() -> Iterable[Reader]:
    numbers = [{"id": f"s{n}", "green": n / 7, "errors": n} for n in range(4)]
    table = b"id,green,errors\ns1,0.5,2\ns2,0.25,1\ns3,1,0\n"
    yield Reader("scores csv", "x.csv", table, read_scores)
    yield Reader("scores json", "x.json", json.dumps(numbers).encode(), read_scores)
    yield Reader("sheet of reports", "x.csv", table, read_sheet)
    yield Reader("sheet of systems", "x.csv", b"model,n,BLEU-4,CheXbert F1\na,10,0.1,0.5\nb,10,0.2,0.4\n", read_sheet)
    yield Reader("sheet json", "x.json", json.dumps(numbers).encode(), read_sheet)
    entity = {"tokens": "effusion", "label": "OBS-DP", "start_ix": 1, "end_ix": 1, "relations": [["located_at", "2"]]}
    graphs = {"s1": {"text": "an effusion here", "entities": {"1": entity, "2": {**entity, "relations": []}}}}
    yield Reader("graphs", "x.json", json.dumps(graphs).encode(), read_graphs)
    labels = f"id,{','.join(LABELS)}\ns1{',1' * 14}\ns2{',-1,' * 7}\n".encode()
    yield Reader("labels", "x.csv", labels, read_labels)
    rated = b"case,candidate,rater,score,reference,report\n1,a,r1,3,x,y\n1,b,r1,2,x,z\n2,a,r1,1,x,y\n"
    yield Reader("ratings", "x.csv", rated, read_ratings)
    judged = [
        {
            "category": "size",
            "tests": [
                {
                    "id": "1",
                    "ground_truth": "x",
                    "candidates": {"C1": {"text": "x"}, "C2": {"text": "y"}},
                    "expected_ranking": "C1 > C2",
                }
            ],
        }
    ]
    yield Reader("ranked cases", "x.json", json.dumps(judged).encode(), read_ratings)


def _traces() -> Iterable[Reader]:
    for file in sorted((GOLDEN / "traces").glob("*.jsonl")):
        lines = file.read_bytes().split(b"\n")
        sample = b"\n".join(lines[:2])
        yield Reader(f"traces {file.stem}", file.name, sample, lambda path: convert(path, path.with_name("out.jsonl")))
    neutral = FILES["mmrad.trace"][1]
    yield Reader("traces to parquet", "t.jsonl", neutral, lambda path: convert(path, path.with_name("out.parquet")))


def _settings() -> Iterable[Reader]:
    folder = ROOT / "mmrad_eval" / "model_registry" / "cards"
    for card in sorted(folder.glob("*.toml"))[::4]:
        yield Reader(f"card {card.stem}", "card.toml", card.read_bytes(), model_cards.read)
    text = b"""models = ["vllm:a/b"]
tasks = ["direct", "mcot"]
data = ["demo"]
samples = 2
metrics = ["bleu"]
out = "results"

[shared]
temperature = 0.5
limit = 3

[[model]]
model = "openai:x"
max_tokens = 100

[primary]
column = "BLEU-4"
between = ["direct", "mcot"]
"""
    yield Reader("experiment", "e.toml", text, _experiment)


def _experiment(path: Path) -> object:
    from mmrad_eval.cli.experiment import _options
    from mmrad_eval.cli.run import run as command

    return experiment.commands(experiment.read(path), *_options(command))


def _results() -> Iterable[Reader]:
    sound = next((GOLDEN / "version1" / "runs").rglob("run.json")).parent
    for name in ("run.json", "answers.jsonl", "summary.json", "scores.parquet"):
        yield Reader(f"results {name}", f"r/{name}", (sound / name).read_bytes(), _stored(sound))


def _stored(sound: Path) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        for name in ("run.json", "answers.jsonl", "summary.json", "scores.parquet"):
            if not (path.parent / name).exists():
                shutil.copy(sound / name, path.parent / name)
        folder = RunFolder(path.parent)
        list(folder.answers())
        folder.answer_lines()
        scores = folder.scores()
        if scores is not None:
            [scores.values(block) for block in scores.blocks]
        return tables_of(read_scored_runs([folder]))

    return read


def _replies() -> Iterable[Reader]:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"region": "heart"}'}}
    message = {"role": "assistant", "content": "FINDINGS: Clear.", "reasoning_content": "x", "tool_calls": [call]}
    chat = {"id": "1", "model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    parts = [{"type": "text", "text": "Clear."}, {"type": "thinking", "thinking": "x"}]
    claude = {"id": "1", "model": "m", "content": parts, "stop_reason": "end_turn", "usage": {"input_tokens": 1}}
    content = {"parts": [{"text": "Clear."}, {"thought": True, "text": "x"}]}
    google = {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}
    clients: dict[str, tuple[Any, Callable[..., object]]] = {
        "openai": (chat, openai_chat.read),
        "anthropic": (claude, anthropic.AnthropicClient.read),
        "gemini": (google, gemini.GeminiClient.read),
    }
    for name, (body, read) in clients.items():
        yield Reader(f"reply {name}", "body", json.dumps(body).encode(), _reply(read, 200, name))
        error = {"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}}
        yield Reader(f"error {name}", "body", json.dumps(error).encode(), _reply(read, 400, name))


def _reply(read: Callable[..., object], status: int, name: str) -> Callable[[Path], object]:
    made: dict[str, Any] = {
        "anthropic": lambda: _bare(anthropic.AnthropicClient),
        "gemini": lambda: _bare(gemini.GeminiClient),
    }

    def call(path: Path) -> object:
        response = HttpResponse(status, path.read_bytes(), {"content-type": "application/json"}, "http://127.0.0.1:9")
        return read(made[name](), response) if name in made else read(response)

    return call


def _bare(kind: type) -> Any:
    """A client that has a card and no key, which reading needs not."""
    client: Any = object.__new__(kind)
    client.card, client.transport, client.refusals = Card(provider="openai", id="x"), SimpleNamespace(secret=None), ()
    return client


def _pictures() -> Iterable[Reader]:
    ramp = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)
    for form in ("png", "jpeg", "tiff", "gif", "bmp", "webp"):
        out = io.BytesIO()
        Pillow.fromarray((ramp // 12).astype(np.uint8)).save(out, form)
        yield Reader(f"picture {form}", f"x.{form}", out.getvalue(), _shown)
    try:
        from tests.traces.test_dicom import dicom
    except Exception:  # noqa: BLE001 - pytest's own skip, which is no Exception of ours, where pydicom is absent
        return
    out = io.BytesIO()
    dicom(WindowCenter=2000, WindowWidth=1500, PixelSpacing=[1, 1]).save_as(out, enforce_file_format=True)
    yield Reader("picture dicom", "x.dcm", out.getvalue(), _shown)


def _shown(path: Path) -> object:
    for look in (lambda image: rendering.size_of(image.path), rendering.load):
        try:
            look(Image(path=str(path)))
        except MmradError:
            continue
    return msgspec.json.encode(str(path)), sys.getsizeof(path)


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


ROWS: list[dict[str, Any]] = [
    {"id": "s1", "report": "FINDINGS: Clear lungs.\nIMPRESSION: Normal.", "patient": "p1", "images": ["a.png"]},
    {"id": "s2", "report": "- Small effusion.", "patient": "p2", "images": ["b.png", "c.png"], "trace": "I look."},
]
CSV = b'id,report,patient,image\ns1,"Clear, normal.",p1,a.png\ns2,"two\nlines",p2,b.png\n'
