"""The tests: a package, so that their shared helpers are found before any package of that name that is installed."""
