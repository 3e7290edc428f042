"""python -m mmrad_eval: the same as mmrad-eval."""

from mmrad_eval.cli.main import main

main()
