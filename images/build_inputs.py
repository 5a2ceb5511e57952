"""What a build gets besides the repository: package indexes as secrets, wheels, proxies, the record for --version."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from contract.files import write_json

# In .dockerignore but for its wheels and records.
FOLDER = Path(".build")
WHEELS = FOLDER / "wheels"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
INDEXES = {"PIP_INDEX_URL": "index-url", "PIP_EXTRA_INDEX_URL": "extra-index-url", "PIP_TRUSTED_HOST": "trusted-host"}


def prepare(environ: Mapping[str, str]) -> list[str]:
    """Write the package indexes of the environment to a pip.conf and copy wheels; returns the options of the build."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    for folder in environ.get("PIP_FIND_LINKS", "").split():
        copy_wheels(Path(folder))
    certificates = environ.get("PIP_CERT") or environ.get("SSL_CERT_FILE")
    has_certificates = bool(certificates and Path(certificates).is_file())
    conf = FOLDER / "pip.conf"
    conf.touch(mode=0o600)
    conf.chmod(0o600)
    conf.write_text(pip_conf(environ, has_certificates), encoding="utf-8")
    options = ["--secret", f"id=pip.conf,src={conf}"]
    if has_certificates:
        options += ["--secret", f"id=ca.pem,src={certificates}"]
    return options + [word for name in PROXIES if environ.get(name) for word in ("--build-arg", name)]


def pip_conf(environ: Mapping[str, str], has_certificates: bool) -> str:
    """The pip.conf that the build mounts: wheels, and the indexes and certificates of the environment."""
    lines = ["[global]", "find-links = /wheels"]
    lines += [f"{option} = {environ[name]}" for name, option in INDEXES.items() if environ.get(name)]
    if has_certificates:
        lines.append("cert = /run/secrets/ca.pem")
    return "\n".join(lines) + "\n"


def copy_wheels(folder: Path) -> None:
    """Copy the wheels of `folder` that are newer than those copied earlier; other than folders are skipped."""
    for wheel in sorted(folder.glob("*.whl")) if folder.is_dir() else ():
        target = WHEELS / wheel.name
        if not target.exists() or target.stat().st_mtime < wheel.stat().st_mtime:
            shutil.copy2(wheel, target)


def record(image: str, fields: Mapping[str, str]) -> None:
    """Write the JSON that the image prints with --version (contract/provenance.py), for the Dockerfile to copy."""
    path = FOLDER / f"{image}.json"
    write_json(path, {"image": image, **fields})
    path.chmod(0o644)
