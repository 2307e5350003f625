#!/usr/bin/env python
"""Entry point of every management command: `python manage.py help`."""

import os
import sys

from django.core.management import execute_from_command_line

from search.errors import ConfigError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
