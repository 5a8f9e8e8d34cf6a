"""`python -m zaigang_agent`."""

from __future__ import annotations

import sys

from zaigang_agent.cli import main

sys.exit(main())
