"""Keys of endpoints: where they may come from, and how they are kept out of everything that is written."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from mmrad_eval.core.errors import ModelError, UsageError
from mmrad_eval.model_registry.command_line import looks_like_key
from mmrad_eval.model_registry.echoes import Echo

_PIXELS = re.compile(r"(?:data:image/[\w.+-]+;base64,)?[A-Za-z0-9+/_-]{160,}={0,2}")
_MESSAGE_LENGTH = 400


class Secret:
    """An API key that shows itself to nobody but the header it is meant for."""

    __slots__ = ("_value", "echo", "source")

    def __init__(self, value: str, source: str) -> None:
        """``source`` says where it was found, such as ``the environment variable OPENAI_API_KEY``."""
        self._value, self.source = value, source
        self.echo = Echo(value)
        """Finds it in what others write."""

    def __repr__(self) -> str:
        return f"<Secret from {self.source}>"

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        raise TypeError("a key is never pickled")

    def reveal(self) -> str:
        """The key itself."""
        return self._value


def find_key(env: str | None, file: Path | None, *, required: bool) -> Secret | None:
    """Read a key from ``file`` (mode 600) or else from the environment variable ``env``.

    ModelError where it is ``required`` and not there, where others can read the file, or where no header can hold it;
    UsageError where ``env`` may be the key itself.
    """
    if file is not None:
        return _from_file(file)
    check_variable(env)
    value = os.environ.get(env, "").strip() if env else ""
    if value:
        return _checked(Secret(value, f"the environment variable {env}"))
    if required:
        raise ModelError(f"no API key: set the environment variable {env}, or give --api-key-file (mode 600)")
    return None


def check_variable(name: str | None) -> None:
    """UsageError where what should be the name of a variable may be the key itself; it is not repeated."""
    if name and looks_like_key(name):
        raise UsageError(
            "--api-key-env and api_key_env take the name of an environment variable, and what was given looks like a "
            "key: put the key into a variable, and name that"
        )


def _from_file(file: Path) -> Secret:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        value = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ModelError(f"the key file {file} can't be read: {reason}") from None
    if mode & 0o077:
        raise ModelError(f"the key file {file} can be read by others (mode {mode:o}): chmod 600 {file}")
    if not value:
        raise ModelError(f"the key file {file} is empty")
    return _checked(Secret(value, f"the file {file}"))


def _checked(secret: Secret) -> Secret:
    value = secret.reveal()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ModelError(f"the key from {secret.source} contains spaces or characters that no header can carry")
    return secret


def scrub(text: str, *secrets: Secret | None) -> str:
    """A stranger's words made fit for a message: no key, no pixels, one line, at most 400 characters."""
    for secret in secrets:
        if secret is not None:
            text = secret.echo.hidden(text)
    text = " ".join(_PIXELS.sub("[data]", text).split())
    return text if len(text) <= _MESSAGE_LENGTH else text[: _MESSAGE_LENGTH - 1] + "…"


def scrub_body(body: bytes, *secrets: Secret | None) -> bytes:
    """The same for a body that is kept whole: keys and pixels are replaced, nothing is shortened."""
    for secret in secrets:
        if secret is not None and secret.echo.may_be_in(body):
            body = secret.echo.hidden(body.decode("utf-8", "replace")).encode()
    return _PIXELS_BYTES.sub(b"[data]", body)


_PIXELS_BYTES = re.compile(_PIXELS.pattern.encode())
