"""Tasks that change what a model sees or has thought; `mmrad-eval faithfulness` compares them."""
