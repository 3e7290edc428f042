"""Pages of help: many options stand under headings, the same option under the same heading in every command."""

from __future__ import annotations

import click

ENOUGH = 12
"""Options from which on a page has headings."""

HEADINGS: dict[str, str] = {
    "Model and task": (
        "--model --task --set --prompt --max-tokens --temperature --top-p --seed --stop --reasoning --samples --writer "
        "--auditor --prompts --no-schema"
    ),
    "Data": (
        "--data --images --patient-column --column --link --split --ids --ids-from --limit --target --predictions "
        "--report-column --references --option"
    ),
    "Evidence": "--views --context --priors --render --images-first --max-edge",
    "Address and key": (
        "--base-url --api-key-env --api-key-file --allow-key --writer-url --writer-key-env --auditor-url "
        "--second-url --second-key-env "
        "--auditor-key-env --refusal-pattern --no-look-check --allow-blind "
        "--check-cache"
    ),
    "Serving with vLLM": (
        "--serve --serve-args --serve-context --serve-images --dtype --tensor-parallel --data-parallel"
    ),
    "Models in transformers": "--python --batch-size --device-map --trust-remote-code",
    "Metrics": (
        "--metrics --engine --policy --metric-option --verify --judge --judge-url --judge-key-env --judge-samples "
        "--second --explain"
    ),
    "Privacy": "--data-use --local-network --attest-provider --attest-retention --attest-who",
    "Limits and work": (
        "--concurrency --timeout --patience --budget --max-requests --max-time --batch --shard --order --workers "
        "--fresh --dry-run"
    ),
    "Output": "--out --quiet --no-table --format --all-columns --figure --resamples --name --help",
}
"""Heading -> its options. What no heading names is the command's own, and stands first."""

OWN = "Options of this command"
_HEADING_OF = {name: heading for heading, names in HEADINGS.items() for name in names.split()}


class GroupedCommand(click.Command):
    """A command whose page of help has headings where it has many options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, under headings from ``ENOUGH`` of them on."""
        records: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                records.setdefault(heading(parameter), []).append(record)
        if sum(map(len, records.values())) < ENOUGH:
            super().format_options(ctx, formatter)
            return
        for name in (OWN, *HEADINGS):
            if name in records:
                with formatter.section(name):
                    formatter.write_dl(records[name])


def heading(parameter: click.Parameter) -> str:
    """The heading that an option stands under."""
    return next((_HEADING_OF[name] for name in parameter.opts if name in _HEADING_OF), OWN)
