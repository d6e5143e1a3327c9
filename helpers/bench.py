"""The command `python -m helpers.bench`; what it does is in helpers.measuring.bench."""

import sys

from .measuring.bench import main

if __name__ == "__main__":
    sys.exit(main())
