"""`python -m edgewatt` is the command `edgewatt`."""

import sys

from edgewatt.cli import main

sys.exit(main())
