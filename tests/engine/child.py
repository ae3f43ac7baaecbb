"""One run in a process of its own; prints its outcomes as JSON. See `runs.child`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import timedelta
from decimal import Decimal

from jobforge import pipeline
from jobforge.answers import claims
from jobforge.settings import Settings
from support.builders import jobs, run


def main() -> None:
    invocation_id, count, backwards, claim_seconds, given = sys.argv[1:]
    settings = json.loads(given)
    settings["max_cost_usd"] = Decimal(settings["max_cost_usd"])
    claims._CLAIM = timedelta(seconds=float(claim_seconds))
    claims._RENEW_SECONDS = float(claim_seconds) / 4
    pipeline._REQUESTS_PER_CHUNK = 8
    asked = jobs(int(count))
    if backwards == "True":
        asked.reverse()
    rows = run(*asked, settings=Settings(**settings), invocation_id=invocation_id)
    sys.stdout.write(json.dumps(Counter(row["outcome"] for row in rows)))


if __name__ == "__main__":
    main()
