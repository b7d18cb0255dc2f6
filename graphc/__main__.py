"""``python -m graphc``, the same as the command ``graphc``."""

import sys

from graphc.cli import main

if __name__ == "__main__":
    sys.exit(main())
