"""Ask a judge by the packages themselves; run in the environment of scripts/env-judges.

Standard input: {"package": "crimson" or "radmatch", "base_url": ..., "pairs": [[reference, candidate, context], ...],
"fewshot": of radmatch, a set of examples or null}.
Standard output: a JSON list, one entry a pair: the value of crimson-score, or the summary of radmatch; null for a pair
that the package fails.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any


def crimson(asked: dict[str, Any]) -> list[float | None]:
    os.environ |= {"OPENAI_API_KEY": "planted", "OPENAI_BASE_URL": asked["base_url"]}
    from CRIMSON import CRIMSONScore  # type: ignore[import-not-found, unused-ignore]  # in an environment of its own

    scorer = CRIMSONScore(api="openai", model_name="judge")
    values: list[float | None] = []
    for reference, candidate, context in asked["pairs"]:
        try:
            found = scorer.evaluate(reference, candidate, patient_context=context or None)
        except Exception:  # noqa: BLE001 (as the package's own script does)
            values.append(None)
        else:
            values.append(found["crimson_score"])
    return values


def radmatch(asked: dict[str, Any]) -> list[dict[str, Any] | None]:
    os.environ["RADMATCH_LOCAL_BASE_URL"] = asked["base_url"]
    import radmatch as package  # type: ignore[import-not-found, unused-ignore]  # as above
    import tenacity.nap  # type: ignore[import-not-found, unused-ignore]  # as above

    tenacity.nap.time.sleep = lambda _: None
    ssl.SSLContext.load_verify_locations = lambda *_, **__: None  # type: ignore[method-assign]  # as below
    # A client is made for each request, and reads all certificates: most of the time, and nothing here is encrypted.
    logging.disable(logging.CRITICAL)
    found: list[dict[str, Any] | None] = []
    for reference, candidate, _ in asked["pairs"]:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            for side, text in (("gt", reference), ("pred", candidate)):
                (folder / side).mkdir()
                (folder / side / "report.txt").write_text(text)
            summary = package.run_all(
                folder / "pred",
                folder / "out",
                "local:judge",
                "local:judge",
                reports_gt_dir=folder / "gt",
                workers=1,
                fewshot=asked.get("fewshot"),
            )
            matching = list(folder.glob("out/**/matching/report.json"))
            fallback = bool(matching) and json.loads(matching[0].read_text())["validation_fallback"]
        found.append({**summary, "fallback": fallback} if summary["metadata"]["n_reports"] else None)
    return found


if __name__ == "__main__":
    given = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answer: Any = {"crimson": crimson, "radmatch": radmatch}[given["package"]](given)
    json.dump(answer, sys.stdout)
