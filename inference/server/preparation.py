"""Prepares the model before workers start: finds its folder (or downloads it), installs its requirements."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from contract.failures import UserError
from contract.paths import Paths
from inference.model_folder import top
from inference.options import ServingOptions
from inference.server import hub, requirements


def prepare(
    options: ServingOptions, paths: Paths, folder: Path, environ: Mapping[str, str]
) -> tuple[Path, dict[str, str]]:
    """Find or download the model, and install its requirements.

    Args:
        folder: for downloads and installed packages.

    Returns:
        The model's folder (for a multi-model endpoint the folder where SageMaker puts models), and `environ`
        with the installed packages first on PYTHONPATH.

    Raises:
        UserError: there is no model, or the model or its requirements cannot be downloaded, or there are several.
    """
    if options.multi_model:
        return paths.models, dict(environ)
    model = find_model(options, paths, folder / "hub", environ)
    packages = folder / "packages"
    if not requirements.install(top(model), packages, options.allow_requirements):
        return model, dict(environ)
    path = os.pathsep.join(filter(None, [str(packages), environ.get("PYTHONPATH")]))
    return model, {**environ, "PYTHONPATH": path}


def find_model(options: ServingOptions, paths: Paths, cache: Path, environ: Mapping[str, str]) -> Path:
    """The folder of the model data, or that of the download if HF_MODEL_ID is set.

    Raises:
        UserError: there is no model data, or the model cannot be downloaded.
    """
    if options.hub_model:
        return hub.download(options.hub_model, options.hub_revision, options.allow_pickle, cache, environ)
    if not paths.model.is_dir():
        raise UserError(f"model folder {paths.model}: no such folder; expected an unpacked model.tar.gz")
    return paths.model
