"""The image and the compositions of docs/deploy/ name what there is; no Docker runs here."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsletter.config import load
from tests.deploying import DEPLOY, ROOT, understood
from tests.test_wheel import run

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSITIONS = ("compose.yaml", "compose.postgres.yaml", "compose.workers.yaml")
IMAGE = r"[a-z]+(:[\w.-]+)?"  # a plain name, of no registry in particular


def instructions(stage: str) -> list[tuple[str, str]]:
    """The instructions of a stage with what stands behind each."""
    lines = [line for line in stage.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def stages() -> list[list[tuple[str, str]]]:
    """Each stage of the image, without its FROM."""
    parts = re.split(r"^FROM .*$", DOCKERFILE, flags=re.M)[1:]
    return [instructions(part) for part in parts]


def health() -> list[str]:
    """The command by which the image finds out whether it is well."""
    (check,) = (rest for word, rest in stages()[-1] if word == "HEALTHCHECK")
    found = json.loads(check.partition("CMD ")[2])
    assert isinstance(found, list)
    return found


def test_the_image_is_small_and_nobodys():
    """Its last stage compiles nothing, runs as a user without rights, and is stopped as we stop."""
    first, last = stages()
    words = dict(last)
    assert words["USER"] == "newsletter"
    assert words["STOPSIGNAL"] == "SIGTERM"
    assert [word for word, _ in last].index("USER") > [word for word, _ in last].index("COPY")
    assert not re.search(
        "pip|gcc|apt|build-essential", " ".join(rest for w, rest in last if w == "RUN")
    )
    assert any("--require-hashes" in rest for word, rest in first if word == "RUN")
    assert json.loads(words["ENTRYPOINT"]) == ["newsletter"]
    understood(json.loads(words["CMD"]))
    assert health()[0] == "python"
    volumes = json.loads(words["VOLUME"])
    assert words["WORKDIR"] in volumes
    (made,) = (rest for word, rest in last if word == "RUN")
    assert all(volume in made for volume in volumes)
    for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.M):
        assert re.fullmatch(IMAGE, image.replace("${PYTHON}", "3.11")), image


def test_a_wheel_can_be_made_of_what_the_image_copies(tmp_path: Path):
    """The image's build gets all that the wheel needs; .dockerignore lets that in, nothing else."""
    copied = [name for word, rest in stages()[0] if word == "COPY" for name in rest.split()[:-1]]
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == set(copied)
    source = tmp_path / "source"
    source.mkdir()
    for name in copied:
        if (ROOT / name).is_dir():
            without = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=without)
        else:
            shutil.copy(ROOT / name, source / name)
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    run(*build, "-o", tmp_path, source, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    assert {"newsletter/cli/root.py", "newsletter/_data/seeds/topics.toml"} <= names


@pytest.fixture(params=COMPOSITIONS)
def composition(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each of them, read."""
    found = yaml.safe_load((DEPLOY / request.param).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_ours_are_commands_and_settings_that_there_are(composition: dict[str, Any]):
    """What each of our services runs, and what it is set to, beside the settings file."""
    ours = [one for one in composition["services"].values() if one["image"] == "newsletter"]
    assert ours
    for service in ours:
        understood(service["command"])
        config = load(DEPLOY / "newsletter.toml", service["environment"])
        named = {
            config.settings.database.url_file,
            config.settings.secret_file,
            Path(config.settings.transports["smtp"]["password_file"]),
        }
        given = {Path("/run/secrets") / name for name in service["secrets"]}
        assert named - {None} == given


def test_nothing_is_named_that_is_not_there(composition: dict[str, Any]):
    """Files, secrets, volumes, networks and services that a service names, and its image."""
    services = composition["services"]
    for service in services.values():
        assert re.fullmatch(IMAGE, service["image"])
        assert set(service.get("secrets", [])) <= set(composition["secrets"])
        assert set(service.get("networks", [])) <= set(composition["networks"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            there = (
                (DEPLOY / source).exists()
                if source.startswith(".")
                else source in composition["volumes"]
            )
            assert there, volume
        for name, wanted in service.get("depends_on", {}).items():
            before = services[name]
            check = before.get("healthcheck", {} if before["image"] == "newsletter" else None)
            if wanted["condition"] == "service_healthy":
                assert check is not None, name
                assert not check.get("disable"), name
            else:
                assert before["restart"] == "no", name
        if "build" in service:
            context = DEPLOY / service["build"]["context"]
            assert (context / service["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
    for file, secret in ((one["file"], name) for name, one in composition["secrets"].items()):
        assert file == f"./secrets/{secret}"


def test_the_proxy_is_the_one_that_is_believed(composition: dict[str, Any]):
    """Its address is fixed, in the network's range, and that of pages.proxies; it asks our port."""
    services = composition["services"]
    address = services["caddy"]["networks"]["inner"]["ipv4_address"]
    (network,) = composition["networks"]["inner"]["ipam"]["config"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network(network["subnet"])
    for service in services.values():
        if service["image"] == "newsletter":
            assert service["environment"]["NEWSLETTER_PAGES__PROXIES"] == address
    host, port = services["caddy"]["environment"]["UPSTREAM"].split(":")
    assert services[host]["image"] == "newsletter"
    assert f"EXPOSE {port}\n" in DOCKERFILE
    assert f":{port}/healthz" in " ".join(health())
