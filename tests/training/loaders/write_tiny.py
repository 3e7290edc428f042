"""Runs in .envs/trl: writes a tiny Qwen2.5-VL with the real one's limits of pictures, for all loaders.

python write_tiny.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.model_registry.tiny_vlm import write

folder = Path(sys.argv[1])
write(folder, 0)
path = folder / "processor_config.json"
settings = json.loads(path.read_text())
settings["image_processor"]["size"] = {"shortest_edge": 3136, "longest_edge": 12845056}  # as Qwen2.5-VL's
path.write_text(json.dumps(settings))
