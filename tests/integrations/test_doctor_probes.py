"""What the doctor says of the SDKs of this environment, and that its probes prove something."""

from __future__ import annotations

import pytest

from doctor_rig import HERE, doctor, requests_by_way, seams_in_table, ways_in_table

each_probe = pytest.mark.parametrize("probe", HERE, ids=lambda each: each.name)


@each_probe
def test_every_way_of_a_probe_sends_a_request_where_nothing_guards_it(probe, tmp_path):
    assert set(requests_by_way(probe, tmp_path)) == set(ways_in_table(probe.name))


def test_the_guard_holds_for_every_sdk_that_is_installed_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    examined = doctor("--json")

    assert examined.code == 0
    assert [each["name"] for each in examined.json["sdks"]] == [each.name for each in HERE]
    for each in examined.json["sdks"]:
        assert each["verdict"] == "holds", each
        assert [way["way"] for way in each["ways"]] == list(ways_in_table(each["name"]))
        assert {way["seam"] for way in each["ways"]} <= seams_in_table(each["name"])
