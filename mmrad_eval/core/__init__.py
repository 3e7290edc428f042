"""The words of the project as frozen values, and what every room shares: registry, journal, errors."""
