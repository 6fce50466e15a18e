"""Compressed answers are read as they pass, however they are cut; broken ones stay unread."""

import gzip
import importlib
import zlib

import pytest

from wflo_otel.seams.http.decoding import UndecodableError, decoder_for

TEXT = b'data: {"n":1}\n\n' * 200


def bare_deflate(data):
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


def brotli(data):
    return importlib.import_module("brotli").compress(data)


def zstandard(data):
    return importlib.import_module("zstandard").ZstdCompressor().compress(data)


ENCODINGS = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", bare_deflate),
    ("br", brotli),
    ("zstd", zstandard),
    ("deflate, GZIP", lambda data: gzip.compress(zlib.compress(data))),
]


@pytest.mark.parametrize(
    ("name", "encode"), ENCODINGS, ids=[f"{n}-{i}" for i, (n, _) in enumerate(ENCODINGS)]
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_pieces_of_any_size_are_decoded(name, encode, size):
    encoded, decoder = encode(TEXT), decoder_for(name)
    pieces = [encoded[at : at + size] for at in range(0, len(encoded), size)]
    assert b"".join(map(decoder.decode, [b"", *pieces])) == TEXT


@pytest.mark.parametrize("name", ["", "identity", " identity , "])
def test_nothing_is_done_to_what_is_not_encoded(name):
    assert decoder_for(name) is None


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_broken_bytes_are_undecodable(name):
    decoder = decoder_for(name)
    with pytest.raises(UndecodableError):
        decoder.decode(b"\xff this is not compressed at all \xff" * 20)


def test_an_unknown_encoding_is_undecodable():
    with pytest.raises(UndecodableError):
        decoder_for("snappy")


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_an_encoding_whose_library_is_missing_is_undecodable(name, monkeypatch):
    def missing(module):
        raise ImportError(module)

    monkeypatch.setattr("wflo_otel.seams.http.decoding.import_module", missing)
    with pytest.raises(UndecodableError):
        decoder_for(name)


def test_a_piece_that_swells_beyond_all_bounds_is_undecodable(monkeypatch):
    monkeypatch.setattr("wflo_otel.seams.http.decoding.MAX_PIECE", 1000)
    with pytest.raises(UndecodableError):
        decoder_for("gzip").decode(gzip.compress(b"0" * 100_000))
