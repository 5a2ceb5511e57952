import pytest
from training_base import Job, make_job

from training.data.channel import Channels, load
from training.model import base_model
from training.model.base_model import BaseModel


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A small job on two hosts' folders; read only."""
    return make_job(tmp_path_factory.mktemp("job"), rows=40, hosts=2)


@pytest.fixture(scope="module")
def base(job: Job) -> BaseModel:
    """The job's model; a module's tests share its configuration."""
    return base_model.describe(str(job.paths.channel("model")), None)


@pytest.fixture(scope="module")
def channels(job: Job) -> Channels:
    return Channels(load(job.paths.channel("train")), load(job.paths.channel("validation")), None, 32)
