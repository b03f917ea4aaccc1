"""The pack's program: the engine starts it, and asks it about each resource."""

import sys
from pathlib import Path

# The engine runs this folder, not the package: the package is beside it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy.serving import serve

serve()
