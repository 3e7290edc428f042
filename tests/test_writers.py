"""Every place that writes a file carries the class of its data, or has a reason not to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "mmrad_eval"
WRITES = frozenset(
    (
        *("write_text", "write_bytes", "write_table", "ParquetWriter", "RecordBatchFileWriter", "savefig", "writestr"),
        *("to_csv", "to_parquet", "to_json", "to_excel", "save", "imsave", "savez", "tofile", "mkstemp"),
        *("NamedTemporaryFile", "TemporaryFile", "copyfile", "copy2", "copytree", "hardlink_to", "symlink_to"),
        *("write_whole", "written_whole"),
    )
)
MECHANISM = frozenset(("mark", "stating", "class_of", "data_use", "strictest", "FIELD"))
"""Names of the mechanism: a writer uses one of them, or is called with the class."""

REASONS = {
    # the run folder: run.json states the class, and is read with whatever lies beside it
    "results/run/folder.py:write": "files of a run folder; run.json states the class",
    "results/run/folder.py:write_answers": "the same",
    "results/run/drawn.py:_placed": "pictures of a run folder; run.json states the class",
    "results/run/files.py:publishing": "a lock without content",
    "results/run/scores.py:write_scores": "scores.parquet of a run folder",
    "harness/answers_writer.py:__init__": "answers.jsonl of a run folder",
    "harness/answers_writer.py:finish": "the same",
    "cli/metric_options.py:verified": "verify.json of a run folder: differences of two engines",
    "model_registry/serving.py:_launch": "vllm.log of a run folder",
    "model_registry/programs/program.py:_print": "program.log of a run folder",
    "model_registry/programs/worker/hf_worker.py:main": "replies, into a pipe",
    "model_registry/programs/life.py:_file": "pictures for a program, in a private folder that ends with it",
    # results/replies/<dataset>: marked as a whole before the first question
    "core/whole_files.py:write_whole": "what its caller states",
    "core/journal.py:_start": "below a folder that the run marks",
    "core/journal.py:put_image": "the same",
    "harness/manifests.py:write": "the same; request keys, no data of a study",
    "harness/manifests.py:alone": "a lock without content",
    # pages that state the class themselves
    "results/view/page.py:write": "the page states the class of its index",
    "results/view/pieces.py:_write": "beside the page, in a folder that is marked before",
    "results/view/images.py:_copy": "beside the page, in a folder that the view marks",
    "reader_studies/page.py:write": "the page states the class of its data",
    "reader_studies/films.py:_placed": "beside the pages, in a folder that `make` marks",
    "reader_studies/films.py:pixels": "in memory",
    "construction/crop.py:_png": "in memory",
    "construction/output.py:alone": "a lock without content",
    # numbers over studies
    "results/paper/write.py:_text": "in a folder that write_paper marks; means and differences over studies",
    "results/figures/style.py:save": "the same",
    "results/paper/figures.py:draw_all": "the same",
    "cli/leaderboard.py:show": "a table of means over studies, where the user names a file",
    "datasets/summary_figure.py:draw": "counts over a dataset, where the user names a file",
    "cli/budget.py:_draw": "means over studies, where the user names a file",
    # places and kinds of faults
    "cli/data.py:check": "files, lines and ids of what is wrong, where the user names a file",
    # never data of a study
    "metrics/judged/wheels.py:fetch": "a published wheel, whose digest is pinned",
    "results/scoring/optimized.py:write_optimized_for": "one line of a model's card",
    "datasets/demo/__init__.py:_write": "films of the demo, which is open",
    "harness/health.py:_disk": "looks for room on the disk",
    "metrics/clinical/reference_packages.py:_as_cache": "a configuration of weights",
    "metrics/clinical/weights.py:digest": "digests of weights",
    "metrics/clinical/fetch.py:_link": "links to weights",
    "metrics/clinical/reference_packages.py:__init__": "the same",
    "model_registry/mock_server.py:serve": "times of what a mock server replied, in a file that its caller names",
    # called by a writer that states the class
    "traces/files.py:write_jsonl": "neutral records have a field for the class",
    "traces/files.py:write_parquet": "the same",
    "traces/convert.py:_write": "rows that `stating` made",
    "traces/convert.py:_write_rows": "the same",
    "traces/convert.py:save": "pictures in a folder that `convert` marks",
    "traces/zebra.py:_image": "calls that writer",
    "training/export.py:_write_pictures": "in the folder of an export, which `export` marks as a whole",
    "training/export.py:finish": "the same",
    "training/pictures.py:drawn": "in memory",
    "harness/look_pictures.py:_file": "drawn pictures of the look check, the same for everybody",
    "model_registry/image_order.py:_picture": "a drawn picture, in memory",
    "traces/inpainting.py:through_jpeg": "in memory",
    "traces/rendering.py:_encode": "in memory",
    "traces/deep.py:as_png": "in memory",
}


IN_PLACE = {
    "core/journal.py:_start": "lines that are appended, each with its checksum",
    "harness/answers_writer.py:__init__": "answers.jsonl.part, which is seen while a run goes on",
    "harness/health.py:_disk": "a file that is removed at once",
    "results/run/files.py:publishing": "a lock without content",
    "harness/manifests.py:alone": "the same",
    "construction": "stages are appended line by line; what is published is renamed when all of it is there",
    "training": "a folder that is renamed when all of it is there",
    "metrics/clinical/fetch.py:_link": "links",
    "metrics/clinical/reference_packages.py:__init__": "a folder of this process",
    "metrics/clinical/reference_packages.py:_as_cache": "the same",
    "model_registry/mock_server.py:serve": "lines that are appended",
    "model_registry/serving.py:_launch": "a log",
    "model_registry/programs/program.py:_print": "the same",
    "model_registry/programs/worker/hf_worker.py:main": "into a pipe",
    "model_registry/programs/life.py:_file": "a file whose path is told when it is written",
    "traces/convert.py:_write": "called with the name that `convert` renames",
    "traces/convert.py:_write_rows": "the same",
    "traces/files.py:write_jsonl": "the same",
    "traces/files.py:write_parquet": "the same",
    "traces/zebra.py:_image": "calls a writer that does",
    "cli/budget.py:_draw": "the same",
    "results/paper/figures.py:draw_all": "the same",
    "reader_studies/films.py:pixels": "in memory",
    "model_registry/image_order.py:_picture": "in memory",
    "traces/inpainting.py:through_jpeg": "in memory",
    "traces/rendering.py:_encode": "in memory",
    "traces/deep.py:as_png": "in memory",
}
"""Writers whose file does not appear as a whole (``core/whole_files.py``), and why."""


def opens_to_write(call: ast.Call, name: str) -> bool:
    if name not in ("open", "fdopen"):
        return False
    attribute = isinstance(call.func, ast.Attribute)
    place = 0 if attribute and name == "open" else 1
    said = [k.value for k in call.keywords if k.arg == "mode"] + call.args[place : place + 1]
    mode = next((v.value for v in said if isinstance(v, ast.Constant) and isinstance(v.value, str)), "r")
    return len(mode) <= 4 and bool(set(mode) & set("wxa+"))


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def writers(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Each function (or the module) that writes a file, with its innermost name."""
    scopes = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inside = {id(call): scope for scope in scopes for call in ast.walk(scope)}  # inner scopes come later and win
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and (called(call) in WRITES or opens_to_write(call, called(call))):
            scope = inside.get(id(call), tree)
            yield getattr(scope, "name", "the module"), scope


def uses_mechanism(scope: ast.AST) -> bool:
    names = {node.id for node in ast.walk(scope) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(scope) if isinstance(node, ast.Attribute)}
    return bool((names | {node.arg for node in ast.walk(scope) if isinstance(node, ast.arg)}) & MECHANISM)


def places() -> Iterator[tuple[str, ast.AST]]:
    """``file:function`` of each writer, and its code."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, scope in writers(ast.parse(path.read_text(encoding="utf-8"))):
            yield f"{path.relative_to(PACKAGE)}:{name}", scope


def found() -> dict[str, bool]:
    """``file:function`` -> whether it uses the mechanism."""
    return {place: uses_mechanism(scope) for place, scope in places()}


def test_every_writer_of_files_carries_the_class_of_its_data_or_has_a_reason() -> None:
    unexplained = {place for place, carries in found().items() if not carries and place not in REASONS}
    assert not unexplained, "state the class with core.data_use (mark, FIELD), or say in REASONS why it need not"


def test_every_reason_is_about_a_writer_that_is_there() -> None:
    assert set(REASONS) <= set(found())


def test_every_file_appears_as_a_whole_or_there_is_a_reason() -> None:
    in_place = {
        place
        for place, scope in places()
        if place.partition("/")[0] not in IN_PLACE
        and not {"write_whole", "written_whole"} & {node.id for node in ast.walk(scope) if isinstance(node, ast.Name)}
    }
    assert in_place == {place for place in IN_PLACE if "/" in place}, "write with core.whole_files, or say why not"


def test_a_writer_that_does_not_carry_it_would_be_found() -> None:
    for line in ("path.write_text(x)", "open(p, 'w')", "p.open('ab')", "pq.write_table(t, p)", "os.fdopen(f, 'wb')"):
        ((name, scope),) = writers(ast.parse(f"def leak(path, x):\n    {line}\n"))
        assert (name, uses_mechanism(scope)) == ("leak", False)
