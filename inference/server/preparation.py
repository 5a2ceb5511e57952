"""Before the workers start: the model's folder (or a download from the hub) and its requirements."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from contract.failures import UserError
from contract.paths import Paths
from inference.options import ServingOptions
from inference.server import hub, requirements


def prepare(
    options: ServingOptions, paths: Paths, folder: Path, environ: Mapping[str, str]
) -> tuple[Path, dict[str, str]]:
    """What is served, and the workers' environment.

    Args:
        folder: takes what is fetched.

    Returns:
        The model's folder (of a multi-model endpoint the one where SageMaker puts models), and `environ`
        with the installed packages before all others on PYTHONPATH.

    Raises:
        UserError: there is no model, or what was asked for cannot be fetched.
    """
    if options.multi_model:
        return paths.models, dict(environ)
    model = find_model(options, paths, folder / "hub", environ)
    packages = folder / "packages"
    if not requirements.install(model, packages, options.allow_requirements):
        return model, dict(environ)
    path = os.pathsep.join(filter(None, [str(packages), environ.get("PYTHONPATH")]))
    return model, {**environ, "PYTHONPATH": path}


def find_model(options: ServingOptions, paths: Paths, cache: Path, environ: Mapping[str, str]) -> Path:
    """The model data's folder, or that of the model on the hub that the launcher names."""
    if options.hub_model:
        return hub.download(options.hub_model, options.hub_revision, options.allow_pickle, cache, environ)
    if not paths.model.is_dir():
        raise UserError(f"model folder {paths.model}: no such folder; expected an unpacked model.tar.gz")
    return paths.model
