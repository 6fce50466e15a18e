"""What the doctor says of many SDKs; see tests/integrations/test_doctor_probes.py."""

from __future__ import annotations

import pytest

from doctor_rig import HERE, doctor, requests_by_way, seams_in_table, ways_in_table

pytestmark = pytest.mark.sdks
each_probe = pytest.mark.parametrize("probe", HERE, ids=lambda each: each.name)


@each_probe
def test_every_way_of_a_probe_sends_a_request_where_nothing_guards_it(probe, tmp_path):
    assert set(requests_by_way(probe, tmp_path)) == set(ways_in_table(probe.name))


def test_the_guard_holds_for_every_sdk_that_is_installed_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wflo.yaml").write_text("version: 1\nbudgets: {run: {usd: 5}}\n")

    examined = doctor("--json")

    assert examined.code == 0
    for each in examined.json["sdks"]:
        assert each["verdict"] == "holds", each
        assert [way["way"] for way in each["ways"]] == list(ways_in_table(each["name"]))
        assert {way["seam"] for way in each["ways"]} <= seams_in_table(each["name"])
