"""The command that opens the page: what cannot work is one error before anything is served."""

import importlib.util
import socket

import pytest

from hashcredit.experiments.commands import dashboard as command
from hashcredit.experiments.commands.arguments import build_parser
from hashcredit.experiments.commands.cli import main
from hashcredit.experiments.dashboard import server
from hashcredit.experiments.dashboard.settings import Settings


@pytest.fixture
def served(monkeypatch):
    """What would be served, and where, in place of a server that never ends."""
    found = []

    def serve(settings, listening, browser):
        found.append((settings, listening.getsockname()[:2], browser))
        listening.close()

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(server, "prepare_solara", lambda: None)
    return found


def refused(capsys, *words):
    """The one line of a command that is refused."""
    assert main(["dashboard", "--no-browser", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    return line


def test_defaults_stay_on_this_machine():
    arguments = build_parser().parse_args(["dashboard"])
    assert (arguments.host, arguments.port, arguments.no_browser) == ("127.0.0.1", command.PORT, False)


def test_what_the_command_line_says_is_served(served):
    words = [
        "dump_10k_h100",
        "--set",
        "channels.repo=false",
        "--seed",
        "3",
        "--replicate",
        "2",
        "--port",
        "0",
    ]
    assert main(["dashboard", *words, "--no-browser"]) == 0
    ((settings, address, browser),) = served
    expected = Settings.load("dump_10k_h100", 3, 2).with_field("channels.repo", False)
    assert (settings, address[0], browser) == (expected, "127.0.0.1", False)


def test_without_the_extra_it_says_how_to_get_it(monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "solara" else found(name))
    assert "pip install 'hashcredit[dashboard]'" in refused(capsys)


def test_a_port_that_is_taken_is_one_error(served, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(capsys, "--port", str(port))
    assert f"127.0.0.1, port {port}: cannot listen here" in line and "--port 0" in line
    assert served == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no_such_scenario"], "no_such_scenario"),
        (["--set", "credit.origination_ltv=7"], "credit.origination_ltv: 7"),
        (["--port", "70000"], "0 to 65535"),
        (["--host", "203.0.113.1", "--port", "0"], "203.0.113.1, port 0: cannot listen here"),
        (["--host", "nowhere.invalid"], "cannot listen here"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_bad_input_is_one_error(served, capsys, words, said):
    assert said in refused(capsys, *words)
    assert served == []


@pytest.fixture
def own_environment(monkeypatch):
    """Variables that are set are gone afterwards."""
    monkeypatch.setattr(server.os, "environ", dict(server.os.environ))


def test_files_that_are_missing_are_told_and_not_fetched(own_environment, monkeypatch):
    monkeypatch.setattr(server, "needed_folders", lambda: ["no-such-file@1.0"])
    with pytest.raises(server.MissingFilesError, match=r"no-such-file@1\.0: not installed; .*solara-assets"):
        server.prepare_solara()


def test_the_files_that_solara_names_are_installed(own_environment):
    server.prepare_solara()
    kinds = [name.rpartition("@")[0] for name in server.needed_folders()]
    assert kinds == ["@widgetti/solara-vuetify-app", "font-awesome", "requirejs"]
