from training.distributed.collectives import Agreement


def test_alone_a_rank_collects_its_own() -> None:
    assert Agreement().collect(0.1) == [0.1]
    assert Agreement().collect_bytes(b"") == [b""]
