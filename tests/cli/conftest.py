"""A rig for each test."""

import pytest

from cli_rig import Rig


@pytest.fixture
def rig(tmp_path, wflo_provider):
    return Rig(tmp_path, wflo_provider.base_url)
