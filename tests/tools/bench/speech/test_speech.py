from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from tests.support.voices import require_espeak


@pytest.mark.slow
def test_the_command_measures_names_of_drawn_products() -> None:
    require_espeak()
    out = StringIO()
    call_command("bench_speech", "--json", "--texts", "1", stdout=out)
    general, learned = json.loads(out.getvalue())["figures"]
    assert learned["engine"] == "pocketsphinx, catalogue learned"
    assert learned["word_error_rate"] < general["word_error_rate"]
    assert learned["recordings"] == len(learned["by_speaker"]) >= 4
    assert 0 < learned["write_down_p50_ms"] <= learned["write_down_p95_ms"]
