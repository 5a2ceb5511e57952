"""Builds what a bare GPU machine without network lacks (make gpu-kit): wheels, MiniLM-L6, reviews.

    python -m tools.gpu_kit --model FOLDER --data reviews.tsv.gz [--output .gpu-kit] [--python 3.12]

The machine is expected to have Python, PyTorch for CUDA, transformers, accelerate and numpy, nothing else. Each kit
is a folder of at most LIMIT bytes; tools/gpu_environment.py installs what the machine does not have. Libraries have
the versions of this environment. sagemaker-training is in no kit: with what it imports (boto3, paramiko, cryptography,
gevent) it has 30 MB, and training runs without it. Neither is what processing alone needs, which has no use for GPUs.
"""

from __future__ import annotations

import argparse
import gzip
import io
import itertools
import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

MIB = 2**20
LIMIT = 55 * MIB
ROWS = 2000
# The first kit has what no machine has beside PyTorch, the others libraries that many machines have.
WHEELS = {
    "1": (
        *("datasets", "dill", "multiprocess", "tensorboardX"),
        # The worker has its request's context from multi-model-server, of which no server runs.
        *("multi-model-server", "sagemaker-inference", "six", "setuptools", "retrying", "uvloop"),
    ),
    "2": (
        *("pyarrow", "pandas", "python-dateutil", "tzdata", "xxhash", "protobuf", "psutil"),
        *("matplotlib", "contourpy", "cycler", "kiwisolver", "pillow", "pyparsing", "fonttools"),
        *("aiohttp", "aiohappyeyeballs", "aiosignal", "frozenlist", "attrs", "multidict", "propcache", "yarl", "idna"),
        *("requests", "urllib3", "charset-normalizer", "certifi", "pytest", "pluggy", "iniconfig"),
    ),
    "3": ("scikit-learn", "scipy", "joblib", "cloudpickle", "threadpoolctl", "onnxruntime", "flatbuffers"),
}
# Required by libraries of the kits, and imported by nothing that runs on such a machine: by the start of the stock
# server, and by its command that packs models.
LEFT_OUT = ("boto3", "future", "model-archiver")
# Libraries whose compiled parts are optional, taken without them.
PURE = ("fonttools",)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
# Of wheels, what no program of ours imports: tests, headers, sources, multi-model-server's Java, and parts of Arrow for
# other services.
UNUSED = re.compile(
    r"^/mms/frontend/"
    r"|/tests?/|/include/|/mpl-data/(sample_data|images|fonts/(afm|pdfcorefonts))/|\.(pyx|pxd|pxi|pyi|h|cc|lib)$"
    r"|pyarrow/(src/|lib[a-z_]*flight|_flight|_pyarrow_cpp|_s3fs|_gcsfs|_azurefs|_substrait|_orc|_dataset_orc)"
    r"|libarrow_python(_parquet_encryption)?\.so(\.[0-9]+\.[0-9]+\.[0-9]+)?$"
)
MODEL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
# Numbers of two bytes: the position within a number (pb, lp) tells xz what to expect.
TWO_BYTES = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 3, "lp": 1, "pb": 1}]


def download(name: str, python: str, folder: Path) -> Path:
    """The wheel of library `name` in this environment's version, for `python` on Linux; built where there is none."""
    requirement = f"{name}=={version(name)}"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    target = [*("--no-deps", "--only-binary=:all:", "--dest", str(folder), "--python-version", python, requirement)]
    platforms = [] if name in PURE else [part for each in PLATFORMS for part in ("--platform", each)]
    before = set(folder.iterdir())
    done = subprocess.run(
        [*pip, "download", *(platforms or ["--platform", "any"]), *target], capture_output=True, text=True, check=False
    )
    if done.returncode:
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), requirement], check=True)
    [wheel] = set(folder.iterdir()) - before
    return wheel


def repack(wheel: Path, target: Path) -> None:
    """Write `wheel` without its unused files to `target`, compressed by LZMA, which pip reads."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as smaller:
        for entry in source.infolist():
            if not UNUSED.search(f"/{entry.filename}"):
                smaller.writestr(entry.filename, source.read(entry))


def write_archive(source: Path, target: Path, filters: list[dict[str, int]]) -> None:
    """Pack the folder `source` into the .tar.xz file `target`."""
    with lzma.open(target, "wb", filters=filters) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        archive.add(source, source.name)


def write_model(source: Path, target: Path) -> None:
    """Pack the model in `source` with its weights in bf16."""
    # Imported late: it takes seconds.
    import torch
    from safetensors.torch import load_file, save_file

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        folder.mkdir()
        for file in MODEL_FILES:
            if (source / file).is_file():
                shutil.copyfile(source / file, folder / file)
        weights = load_file(source / "model.safetensors")
        small = {key: part.to(torch.bfloat16) if part.is_floating_point() else part for key, part in weights.items()}
        save_file(small, folder / "model.safetensors", {"format": "pt"})
        write_archive(folder, target, TWO_BYTES)


def write_reviews(source: Path, target: Path) -> None:
    """Write the header and the first ROWS rows of the gzip file `source`."""
    lines = io.BytesIO()
    with gzip.open(source, "rb") as rows:
        lines.writelines(itertools.islice(rows, ROWS + 1))
    target.write_bytes(gzip.compress(lines.getvalue(), mtime=0))


def build(kit: str, folder: Path, python: str) -> None:
    """Write the wheels of `kit` into `folder`."""
    with tempfile.TemporaryDirectory() as name:
        for library in WHEELS[kit]:
            wheel = download(library, python, Path(name))
            repack(wheel, folder / wheel.name)


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file in `folder`, the largest first."""
    found = {path.name: path.stat().st_size for path in folder.iterdir()}
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def report(output: Path) -> str:
    """A line for each kit and for each of its files of more than a MiB.

    Raises:
        SystemExit: a kit is larger than LIMIT.
    """
    lines = []
    for kit in sorted(output.iterdir()):
        files = sizes(kit)
        total = sum(files.values())
        if total > LIMIT:
            sys.exit(f"kit {kit} has {total / MIB:.1f} MiB, expected at most {LIMIT / MIB:.0f}")
        lines.append(f"{kit}: {total / MIB:.1f} MiB, {len(files)} files")
        lines += [f"  {name}: {size / MIB:.1f} MiB" for name, size in files.items() if size > MIB]
    return "\n".join(lines)


def main() -> None:
    """Build the kits and print their sizes."""
    parser = argparse.ArgumentParser(prog="python -m tools.gpu_kit")
    parser.add_argument("--model", type=Path, required=True, help="folder of the pretrained model")
    parser.add_argument("--data", type=Path, required=True, help="gzip file of tab-separated reviews")
    parser.add_argument("--output", type=Path, default=Path(".gpu-kit"))
    parser.add_argument("--python", default="3.12", help="Python version of the GPU machine")
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    for kit in WHEELS:
        (options.output / kit).mkdir(parents=True)
        build(kit, options.output / kit, options.python)
    first = options.output / next(iter(WHEELS))
    write_model(options.model, first / "model.tar.xz")
    write_reviews(options.data, first / "reviews.tsv.gz")
    print(report(options.output))


if __name__ == "__main__":
    main()
