"""Are numbers to be trusted? Audits, reproduction, meta-evaluation, ranks and perturbations."""
