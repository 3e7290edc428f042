"""What is measured: each metric turns examples into per-study statistics, and summed statistics into columns.

Names are ``family@profile`` (``bleu@rexrank``). A family name means all of its profiles, ``paper`` the default suite,
``lexical`` and so on a whole room. Each room lists its metrics in its own ``METRICS``; installed packages add theirs
under the entry-point group ``mmrad_eval.metrics``.
"""

from mmrad_eval.metrics.suites import (
    MissingMetric,
    Setup,
    Suite,
    catalogue,
    members,
    registry,
    suite,
)

__all__ = ["MissingMetric", "Setup", "Suite", "catalogue", "members", "registry", "suite"]
