"""Keys: where they come from, and that nothing shows them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from mmrad_eval.core.errors import ModelError
from mmrad_eval.model_registry.secrets import Secret, find_key, scrub, scrub_body


def test_a_key_file_must_be_private(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("planted-key\n")
    file.chmod(0o644)
    with pytest.raises(ModelError, match="chmod 600") as error:
        find_key(None, file, required=True)
    assert "planted" not in str(error.value)
    file.chmod(0o600)
    found = find_key("UNUSED", file, required=True)
    assert found is not None
    assert found.reveal() == "planted-key"


@pytest.mark.parametrize("text", ["", "two words", "schlüssel", "line\nbreak"])
def test_a_key_that_no_header_can_carry_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ModelError):
        find_key(None, file, required=True)


def test_a_key_shows_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "planted-key")
    secret = find_key("SOME_KEY", None, required=True)

    assert secret is not None
    assert "planted" not in f"{secret} {secret!r} {[secret]} {vars(type(secret))}"
    assert "SOME_KEY" in repr(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_messages_lose_keys_pixels_and_line_breaks() -> None:
    secret = Secret("planted-key", "here")
    pixels = "data:image/png;base64," + "iVBORw0KGgo" * 40
    text = scrub(f"bad key planted-key\n  for {pixels} in messages", secret)

    assert text == "bad key [key] for [data] in messages"
    assert (
        scrub_body(f'{{"input": "{pixels}", "key": "planted-key"}}'.encode(), secret)
        == b'{"input": "[data]", "key": "[key]"}'
    )
    assert len(scrub("word " * 500)) == 400


def test_ordinary_words_stay() -> None:
    text = "This model's maximum context length is 4096 tokens; see https://example.com/a/b_c-d?x=1."
    assert scrub(text) == text
