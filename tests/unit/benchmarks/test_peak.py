import json
from pathlib import Path

import pytest

from benchmarks.peak import peak, per_token, share

BERT_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072}


def test_a_token_of_bert_base_costs_six_times_its_85_million_parameters() -> None:
    assert per_token(BERT_BASE, 0) == pytest.approx(6 * 85e6, rel=0.01)
    assert per_token(BERT_BASE, 512) / per_token(BERT_BASE, 0) == pytest.approx(1.11, abs=0.01)


def test_the_share_is_of_the_peak_of_the_device(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(BERT_BASE))
    rate = 0.45 * 989e12 / per_token(BERT_BASE, 512)
    assert share(str(tmp_path), rate, 512, "NVIDIA H100 80GB HBM3") == pytest.approx(0.45)
    assert share(str(tmp_path), rate, 512, "Somebody's GPU") is None
    assert peak("NVIDIA L40S") != peak("NVIDIA L4")
