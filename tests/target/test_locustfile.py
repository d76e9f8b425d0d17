"""``locustfile.py:UserClass`` as a target: what is read of the file, and that it is never run for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from surgekit import target
from surgekit.errors import ConfigError
from surgekit.target import locustfile
from surgekit.target.schema import LocustUser

FILE = """
raise SystemExit("this file was run")
from locust import HttpUser
from elsewhere import Imported
class Base(HttpUser):
    host: str = "http://127.0.0.1:8080/api"
class Buyer(Base):
    pass
class Asked(HttpUser):
    host = ask()
class Round(Round): pass
try:
    class Late(HttpUser): pass
except ImportError:
    Late = None
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("LOCUST_HOST", raising=False)
    path = tmp_path / "locustfile.py"
    path.write_text(FILE)
    return path


def test_a_locust_user_alone_is_a_target(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    found = target.load("locustfile.py:Buyer")
    assert (found.name, found.base_url, found.skus, found.steps) == ("locustfile.Buyer", "http://127.0.0.1:8080", ["order"], None)
    assert found.locust == LocustUser(file=str(file), user="Buyer")
    assert found.plays == frozenset()


def test_the_host_is_what_locust_would_take(file: Path) -> None:
    def host(user: str, **environ: str) -> str:
        return locustfile.base_url(LocustUser(file=str(file), user=user), environ)

    assert host("Buyer") == host("Base") == "http://127.0.0.1:8080"
    assert host("Buyer", LOCUST_HOST="https://shop.example/x") == "https://shop.example"
    for user in ("Asked", "Imported", "Late", "Round"):
        with pytest.raises(ConfigError, match=f"the host of {user} is not written in it as plain text; set LOCUST_HOST, or base_url"):
            host(user)
        assert host(user, LOCUST_HOST="http://127.0.0.1:9") == "http://127.0.0.1:9"
    with pytest.raises(ConfigError, match=r"the host of Buyer is '127\.0\.0\.1'; it is written http://host:port"):
        host("Buyer", LOCUST_HOST="127.0.0.1")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("locustfile.py", "locustfile.py: name the user class too, as in locustfile.py:WebsiteUser"),
        ("locustfile.py:Byer", "locustfile.py: no class Byer in it; there are Asked, Base, Buyer, Late, Round"),
        ("gone.py:Buyer", "gone.py: cannot be read: No such file"),
        ("odd.py:Buyer", "odd.py:2: not valid Python: "),
        ("nul.py:Buyer", "nul.py:?1?: not valid Python"),
    ],
)
def test_a_mistake_is_one_sentence(file: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str) -> None:
    monkeypatch.chdir(file.parent)
    Path("odd.py").write_text("\nclass (:\n")
    Path("nul.py").write_bytes(b"a = '\0'\n")
    with pytest.raises(ConfigError, match=says) as error:
        target.load(name)
    assert "\n" not in str(error.value)


def described(folder: Path, text: str) -> target.Target:
    path = folder / "shop.yaml"
    path.write_text("schema: surgekit.target/1\nname: shop\ncatalogue: [{sku: a, price_fen: 100}]\n" + text)
    return target.load(str(path))


def test_in_a_target_file_the_locustfile_stands_beside_it_and_its_host_is_taken_where_there_is_no_other(file: Path) -> None:
    found = described(file.parent, "locust: {file: locustfile.py, user: Buyer}\n")
    assert (found.base_url, found.locust) == ("http://127.0.0.1:8080", LocustUser(file=str(file), user="Buyer"))
    assert described(file.parent, "base_url: http://127.0.0.1:1\nlocust: {file: locustfile.py, user: Asked}\n").base_url == "http://127.0.0.1:1"
    assert described(file.parent, "start: {cardshop: {}}\nlocust: {file: locustfile.py, user: Asked}\n").base_url is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("base_url: http://127.0.0.1:1\n", "give steps, or locust with a file and a user, one of the two"),
        ("locust: {file: locustfile.py, user: Nobody}\nbase_url: http://127.0.0.1:1\n", "no class Nobody in it"),
        ("locust: {file: locustfile.py, user: Buyer}\ncookies: none\n", "cookies: has no effect with locust"),
        ("locust: {file: locustfile.py, user: 'a b'}\n", "locust.user"),
        ("locust: {file: locustfile.py, user: Buyer}\nsteps: {submit: {request: GET /, replies: [{class: ok, matches: .}]}}\n", "one of the two"),
        ("locust: {file: locustfile.py, user: Buyer}\nbase_url: http://127.0.0.1:1\nstart: {cardshop: {}}\n", "give either base_url"),
    ],
)
def test_a_target_file_has_steps_or_a_locust_user(file: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        described(file.parent, text)


def test_what_a_run_can_show_is_said(file: Path) -> None:
    alone = described(file.parent, "locust: {file: locustfile.py, user: Buyer}\n")
    told = " ".join(locustfile.evidence(alone))
    assert "locustfile.py:Buyer" in told
    assert "no invariant can be called held" in told
    assert "sold_within_stock is undecided" in told
    reads = "reads: {stock: {request: GET /s, items: data}, ledger: {request: GET /l, rows: data, columns: {order_key: key, order_no: no, status: s}}}\n"
    assert len(locustfile.evidence(described(file.parent, "locust: {file: locustfile.py, user: Buyer}\n" + reads))) == 2
    steps = "base_url: http://127.0.0.1:1\nsteps: {submit: {request: GET /, replies: [{class: ok, matches: .}]}}\n"
    assert locustfile.evidence(described(file.parent, steps)) == []
