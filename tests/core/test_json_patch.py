"""A patch turns one document into the other, and holds nothing that has not changed."""

from __future__ import annotations

import copy
import json

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.json_patch import diff

_documents = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-2, 2), st.floats(-1, 1), st.text("ab/~", max_size=2)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.text("ab/~0", max_size=2), inner, max_size=4),
    ),
    max_leaves=12,
)


def shown(document):
    """As JSON: 1, 1.0 and true are three things there, and one in Python."""
    return json.dumps(document, sort_keys=True)


@given(_documents, _documents)
def test_the_patch_applied_to_the_first_gives_the_second(before, after):
    kept = copy.deepcopy((before, after))

    patched = jsonpatch.apply_patch(before, diff(before, after))

    assert shown(patched) == shown(after)
    assert shown((before, after)) == shown(kept)


@given(_documents)
def test_between_equal_documents_there_is_nothing(document):
    assert diff(document, copy.deepcopy(document)) == []


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1}, {"a": 2}, [{"op": "replace", "path": "/a", "value": 2}]),
        ({"a": 1}, {"b": 1}, [
            {"op": "remove", "path": "/a"},
            {"op": "add", "path": "/b", "value": 1},
        ]),
        ({"a/b~c": [1]}, {"a/b~c": [1, 2]}, [{"op": "add", "path": "/a~1b~0c/1", "value": 2}]),
        ([1, 2, 3], [1, 3], [{"op": "remove", "path": "/1"}]),
        ([1, 3], [1, 2, 3], [{"op": "add", "path": "/1", "value": 2}]),
        ([{"a": 1}, 2], [{"a": 9}, 2], [{"op": "replace", "path": "/0/a", "value": 9}]),
        ([1], {"a": 1}, [{"op": "replace", "path": "", "value": {"a": 1}}]),
        (1, True, [{"op": "replace", "path": "", "value": True}]),
        ([0], [False], [{"op": "replace", "path": "/0", "value": False}]),
        ({"": 0}, {"": 1}, [{"op": "replace", "path": "/", "value": 1}]),
    ],
)  # fmt: skip
def test_only_what_changed_is_in_the_patch(before, after, patch):
    assert diff(before, after) == patch
