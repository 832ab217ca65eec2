"""
Where a measured process starts: `python -I child.py MODULE JSON`.

Calls `MODULE.main(**JSON)` and prints what it returns as JSON, on the last line. The checkout comes last on the path:
in an environment that has release 1.0.3, `import soasap` means that one.
"""

import importlib
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    answer = importlib.import_module(sys.argv[1]).main(**json.loads(sys.argv[2]))
    print(json.dumps(answer), flush=True)
