"""Checkouts in the layout of GREEN's and of ChestX-Reasoner's, with words of our own."""

from __future__ import annotations

from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}\\n{% if message['from'] == 'human' %}\\n"
    "{{ '<|user|>\\n' + message['value'] + eos_token }}"
    "\\n{% elif message['from'] == 'gpt' %}\\n{{ '<|assistant|>\\n' + message['value'] + eos_token }}\\n{% endif %}\\n"
    "{% if loop.last and add_generation_prompt %}\\n{{ '<|assistant|>' }}\\n{% endif %}\\n{% endfor %}"
)
UTILS = '''
def make_prompt(text1, text2, max_len=5):
    """Words."""
    text1 = " ".join(text1.split()[:max_len])
    prompt = f"Stand-in.\\n  Reference: {text1}\\n  Candidate: {text2}\\n"
    return prompt
'''
SYSTEM = "Stand-in system. "
RADRSCORE = f'''
def get_key_finding(reason_steps):
    input_message = [
        {{"role": "system", "content": "{SYSTEM}"}},
        {{"role": "user", "content": f"""
            FINDINGS of {{reason_steps}} as {{{{"key_conclusion": []}}}}
            """}},
    ]
    print(f"short {{reason_steps}}")


def cal_recall(reason_steps, pred):
    message = [{{"role": "system", "content": "{SYSTEM}"}}, {{"content": f"RECALL of {{reason_steps}} | in {{pred}}"}}]


def get_precision(report, reason_steps):
    system = {{"role": "system", "content": "{SYSTEM}"}}
    message = [system, {{"content": f"PRECISION {{report}} | of {{reason_steps}}"}}]


def get_efficiency(reason_steps, pred):
    message = [{{"role": "system", "content": "{SYSTEM}"}}, {{"content": f"EFFICIENCY {{reason_steps}} | of {{pred}}"}}]
'''


def write_green(folder: Path, utils: str = UTILS) -> Path:
    """``green_score`` with question and template."""
    (folder / "green_score").mkdir(parents=True)
    (folder / "green_score/utils.py").write_text(utils)
    (folder / "green_score/green.py").write_text(
        f'class GREEN:\n    def run(self):\n        chat_template = "{TEMPLATE}"\n'
    )
    return folder


def write_radrscore(folder: Path, source: str = RADRSCORE) -> Path:
    """``eval/reasoning_eval.py``."""
    (folder / "eval").mkdir(parents=True)
    (folder / "eval/reasoning_eval.py").write_text(source, encoding="utf-8")
    return folder
