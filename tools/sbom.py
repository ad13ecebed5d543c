"""Write the software bill of materials (SBOM) of a wheel, when the wheel is built.

Hatchling runs this as a build hook (pyproject.toml) and puts the file into the wheel's
.dist-info/sboms/ (PEP 770). It is CycloneDX in JSON: the shipped networks and glyphs with their
hashes, the fonts and the data that they were made from, and the required packages. It has no date,
so the same sources give the same wheel.
"""

import base64
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME = "tenfold.cdx.json"

MNIST = {
    "type": "data",
    "bom-ref": "data:mnist",
    "name": "MNIST, training images",
    "description": "60,000 handwritten digits: the networks learned from them. Not in the wheel.",
    "authors": [{"name": "Yann LeCun"}, {"name": "Corinna Cortes"}],
    "licenses": [{"license": {"id": "CC-BY-SA-3.0"}}],
    "scope": "excluded",
}


class SbomHook(BuildHookInterface[Any]):
    """Hatchling's build hook: adds the file to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the file, and tell Hatchling where it is."""
        core = self.metadata.core
        document = bill_of_materials(
            Path(self.root) / "src" / "tenfold",
            self.metadata.version,
            core.dependencies,
            core.optional_dependencies,
        )
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / NAME
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the file, which is in the wheel."""
        self._folder.cleanup()


def bill_of_materials(
    package: Path, version: str, required: list[str], optional: dict[str, list[str]]
) -> dict[str, Any]:
    """Return the SBOM as a CycloneDX 1.6 document.

    Args:
        package: Folder of the package's sources, src/tenfold.
        version: Version of the package.
        required: Requirements of the base install.
        optional: Requirements of each extra.
    """
    own = f"pkg:pypi/tenfold@{version}"
    packages = packages_of(required, optional)
    glyphs = glyphs_of(package / "augmentation")
    models = [model_of(path.parent) for path in sorted(package.glob("weights/*/meta.json"))]
    needed = [one["bom-ref"] for one in packages if one["scope"] == "required"]
    parts = [glyphs["bom-ref"], *(model["bom-ref"] for model in models)]
    learned = [
        {"ref": model["bom-ref"], "dependsOn": sources_of(package / "weights" / model["name"])}
        for model in models
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "library", "bom-ref": own, "name": "tenfold", "version": version,
                "purl": own, "licenses": apache(),
            },
        },
        "components": [*models, glyphs, MNIST, *packages],
        "dependencies": [{"ref": own, "dependsOn": [*parts, *needed]}, *learned],
    }  # fmt: skip


def packages_of(required: list[str], optional: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return the required packages: those of the base install, then those of extras alone."""
    found: dict[str, dict[str, Any]] = {}
    for extra, requirements in {"": required, **optional}.items():
        for text in requirements:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            if extra == "dev" or name == "tenfold":
                continue
            one = found.setdefault(
                name,
                {
                    "type": "library", "bom-ref": f"pkg:pypi/{name}", "name": name,
                    "purl": f"pkg:pypi/{name}", "scope": "optional" if extra else "required",
                    "properties": [],
                },
            )  # fmt: skip
            one["properties"].append(fact("requirement", f"{text}{extra and f' (extra {extra})'}"))
    return list(found.values())


def model_of(folder: Path) -> dict[str, Any]:
    """Return a shipped network with its files."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    files = [
        {
            "type": "file", "bom-ref": f"file:{folder.name}/{name}",
            "name": f"tenfold/weights/{folder.name}/{name}", "hashes": sha256(folder / name),
        }
        for name in sorted(meta["files"])
    ]  # fmt: skip
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{folder.name}",
        "name": folder.name,
        "description": f"{meta['command']}, {meta['created'][:10]}",
        "licenses": apache(),
        "components": files,
    }


def sources_of(folder: Path) -> list[str]:
    """Return what a shipped network learned from."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    hands = "line.onnx" in meta["files"] or meta["recipe"]["augmentation"].get("hands")
    return ["data:mnist", *(["data:hands"] if hands else [])]


def glyphs_of(folder: Path) -> dict[str, Any]:
    """Return the pack of glyphs, with the fonts from which they were drawn."""
    fonts = json.loads((folder / "hands.json").read_text(encoding="utf-8"))["fonts"]
    return {
        "type": "data",
        "bom-ref": "data:hands",
        "name": "tenfold/augmentation/hands.npz",
        "description": "Rendered glyphs of fonts. The fonts themselves are not included.",
        "licenses": [{"license": {"id": one}} for one in sorted({f["license"] for f in fonts})],
        "hashes": sha256(folder / "hands.npz"),
        "pedigree": {"ancestors": list(map(font, fonts))},
    }


def font(found: dict[str, Any]) -> dict[str, Any]:
    """Return one font, as its package of Fontsource: the hash is that of npm's archive."""
    name, version = f"@fontsource/{found['name']}", found["version"]
    digest = base64.b64decode(found["integrity"].removeprefix("sha512-")).hex()
    return {
        "type": "data",
        "name": name,
        "version": version,
        "authors": [{"name": found["author"]}],
        "licenses": [{"license": {"id": found["license"]}}],
        "hashes": [{"alg": "SHA-512", "content": digest}],
        "purl": f"pkg:npm/{quote(name)}@{version}",
    }


def apache() -> list[dict[str, Any]]:
    return [{"license": {"id": "Apache-2.0"}}]


def fact(name: str, value: str) -> dict[str, str]:
    return {"name": f"tenfold:{name}", "value": value}


def sha256(path: Path) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]
