"""What the tests of training share: runs without figures."""

import pytest
from support.resuming import without_figures


@pytest.fixture(scope="module")
def no_figures():
    """The test file's runs draw no figures."""
    with without_figures():
        yield
