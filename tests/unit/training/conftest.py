import pytest
from training_base import Job, make_job


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A small job on two hosts' folders; read only."""
    return make_job(tmp_path_factory.mktemp("job"), rows=40, hosts=2)
