"""An option that shortens a judge's replies: it is sent, it is signed, and without it all is as published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.metrics import suite
from tests.metrics.judge_checkouts import write_green, write_radrscore
from tests.metrics.radfact_checkout import write_checkout, write_wheel


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """Where the words of the metrics are."""
    return {
        "green.checkout": write_green(tmp_path / "green"),
        "radrscore.checkout": write_radrscore(tmp_path / "radrscore"),
        "radfact.checkout": write_checkout(tmp_path / "radfact"),
        "radfact.langchain": write_wheel(tmp_path / "core.whl"),
    }


@pytest.mark.parametrize(
    ("metric", "published", "signed"),
    [
        ("green", 1024, "|decoding:max_tokens=1024,temperature=0|"),
        ("radfact", 1024, "|decoding:max_tokens=1024,temperature=0,top_p=1|"),
        ("radfact-grounded", 1024, "|decoding:max_tokens=1024,temperature=0,top_p=1|"),
        ("radrscore", None, "|decoding:none|"),
    ],
)
def test_a_limit_is_sent_and_signed(options: dict[str, Any], metric: str, published: int | None, signed: str) -> None:
    own = {key: value for key, value in options.items() if key.startswith(metric.partition("-")[0])}
    for one in suite([metric], options=own):
        assert one.decoding.max_tokens == published  # type: ignore[attr-defined]  # of metrics that ask judges
        assert signed in one.signature("findings")
    for one in suite([metric], options=own | {f"{metric.partition('-')[0]}.max_tokens": "77"}):
        assert one.decoding.max_tokens == 77  # type: ignore[attr-defined]
        assert one.judged({}).decoding.max_tokens == 77  # type: ignore[attr-defined]
        assert "|decoding:max_tokens=77" in one.signature("findings")


@pytest.mark.parametrize("most", ["0", "many", "-1", "1.5", "²"])
def test_a_limit_that_is_no_number_of_tokens_is_refused(options: dict[str, Any], most: str) -> None:
    with pytest.raises(UsageError, match=r"option green.max_tokens=.*: write a number of tokens"):
        suite(["green"], options={"green.checkout": options["green.checkout"], "green.max_tokens": most})
