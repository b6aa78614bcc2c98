"""What every test may ask for. A test that cannot have what it needs is skipped, and in CI it fails."""

import os
from pathlib import Path

import pytest

STRICT = os.environ.get("OSTEOHOOKS_STRICT") == "1"


def require(condition: object, reason: str) -> None:
    """Go on only if there is what the test needs: `require(shutil.which("chromium"), "needs chromium")`."""
    if condition:
        return
    if STRICT:
        pytest.fail(f"OSTEOHOOKS_STRICT=1 and {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real records, which is not part of the repository."""
    folder = os.environ.get("OSTEOHOOKS_REALDATA", "")
    require(folder and Path(folder).is_dir(), f"OSTEOHOOKS_REALDATA names no folder: {folder!r}")
    return Path(folder)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Strict means strict: a plain pytest.skip() fails the run too."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if STRICT and reporter and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.ensure_newline()
        reporter.write_line("OSTEOHOOKS_STRICT=1: a skipped test fails the run", red=True)
