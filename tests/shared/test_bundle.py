"""The bundle's format: what is written is read, and what no bundle is, is refused."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import stat
import zipfile
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import bundles
from zaigang_shared import bundle, bundle_check, bundle_root
from zaigang_shared.bundle_report import Answer
from zaigang_shared.errors import BundleError

# What a recheck reads, and keys that nobody vouches for: a bundle may do without the latter.
_FREE: Final = {"manifest.json", "inputs.json", "trust/witnesses.vkey"}


def zipped(members: list[tuple[zipfile.ZipInfo | str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            archive.writestr(member, data)
    return out.getvalue()


def members() -> list[tuple[zipfile.ZipInfo | str, bytes]]:
    return list(bundles.files_of(bundles.a_bundle()).items())


def test_the_same_parts_give_the_same_bytes() -> None:
    assert bundle.write(bundles.a_world().parts()) == bundle.write(bundles.a_world().parts())


def test_a_bundle_zipped_again_by_another_program_is_read_alike() -> None:
    files = bundles.files_of(bundles.a_bundle())
    assert bundle.read(zipped(list(reversed(files.items())))) == files
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    assert bundle.read(stored.getvalue()) == files


def test_each_envelope_receipt_and_body_lies_where_its_content_says() -> None:
    names = bundles.files_of(bundles.a_bundle()).keys()
    assert "envelopes/laptop-li/000000000001.cose" in names
    assert len([name for name in names if name.startswith("receipts/laptop-wang/")]) == 6
    for name, data in bundles.files_of(bundles.a_bundle()).items():
        if name.startswith("bodies/"):
            assert name == f"bodies/{hashlib.sha256(data).hexdigest()}"


@pytest.mark.parametrize(
    "name",
    [
        "../manifest.json",
        "/etc/passwd",
        "trust/../../x",
        "bodies\\..\\x",
        "C:/x",
        "envelopes/laptop-li/1.cose",
        "bodies/",
        "notes.txt",
        "manifest.json\0.txt",
        "envelopes/../../000000000001.cose",
    ],
)
def test_a_file_of_another_name_than_bundles_have_is_refused(name: str) -> None:
    info = zipfile.ZipInfo("x" * len(name))
    data = zipped([*members(), (info, b"x")]).replace(b"x" * len(name), name.encode())
    with pytest.raises(BundleError, match=r"no name of a file|not a zip file"):
        bundle.read(data)


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped([*members(), ("policy.json", b"{}")])
    with pytest.raises(BundleError, match=r"policy\.json is in the zip twice"):
        bundle.read(data)


def test_a_symbolic_link_is_refused() -> None:
    link = zipfile.ZipInfo("checkpoint.tsr")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(BundleError, match="no plain file"):
        bundle.read(zipped([*members(), (link, b"/etc/passwd")]))


def test_another_compression_is_refused() -> None:
    packed = zipfile.ZipInfo("checkpoint.tsr")
    packed.compress_type = zipfile.ZIP_BZIP2
    with pytest.raises(BundleError, match="another way"):
        bundle.read(zipped([*members(), (packed, b"x")]))


def test_a_file_that_unpacks_to_more_than_its_kind_has_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped([*members(), ("checkpoint.tsr", bytes(50_000_000))])
    assert len(bomb) < 200_000
    with pytest.raises(BundleError, match=r"checkpoint\.tsr has 50000000 bytes"):
        bundle.read(bomb)


def test_many_files_that_unpack_to_too_much_together_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle, "MAX_TOTAL_BYTES", 10_000)
    with pytest.raises(BundleError, match="at most 10000 are read"):
        bundle.read(bundles.a_bundle())


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_FILES", 10)
    with pytest.raises(BundleError, match="at most 10"):
        bundle.read(bundles.a_bundle())


def test_files_that_share_their_packed_bytes_are_refused() -> None:
    """The way of the smallest bombs: many names in the directory, one place in the file."""
    data = bytearray(bundles.a_bundle())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        first, second = archive.infolist()[:2]
        at = data.find(second.filename.encode(), archive.start_dir) - 4
    data[at : at + 4] = first.header_offset.to_bytes(4, "little")
    with pytest.raises(BundleError, match="overlaps"):
        bundle.read(bytes(data))


def test_something_before_the_zip_or_a_comment_behind_it_is_refused() -> None:
    with pytest.raises(BundleError, match="begins late"):
        bundle.read(b"#!/bin/sh\n" + bundles.a_bundle())
    data = bytearray(bundles.a_bundle())
    data[-2:] = (3).to_bytes(2, "little")
    with pytest.raises(BundleError, match="comment"):
        bundle.read(bytes(data) + b"abc")


def test_a_size_that_the_zip_lies_about_is_refused() -> None:
    data = bytearray(bundles.a_bundle())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        info = archive.getinfo("policy.json")
        at = data.find(b"policy.json", archive.start_dir) - 46 + 24
    data[at : at + 4] = (info.file_size - 1).to_bytes(4, "little")
    with pytest.raises(BundleError):
        bundle.read(bytes(data))


@pytest.mark.parametrize("name", sorted(bundle.REQUIRED))
def test_a_bundle_without_a_file_that_it_needs_is_none(name: str) -> None:
    files = bundles.files_of(bundles.a_bundle())
    del files[name]
    with pytest.raises(BundleError, match=f"{name} is missing"):
        bundle.read(zipped(list(files.items())))


def test_a_file_that_is_cut_off_anywhere_is_unreadable() -> None:
    data = bundles.a_bundle()
    for length in [*range(0, len(data), 997), len(data) - 1]:
        assert bundle_check.check(data[:length]).answer is Answer.UNREADABLE


@given(st.binary(max_size=300))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    with contextlib.suppress(BundleError):
        bundle.read(data)


@settings(max_examples=50)
@given(st.data())
def test_any_bytes_in_the_place_of_any_file_give_a_report(data: st.DataObject) -> None:
    files = bundles.files_of(bundles.a_bundle())
    name = data.draw(st.sampled_from(sorted(files.keys() - _FREE)))
    files[name] = data.draw(st.binary(max_size=200))
    assert bundle_check.check(bundles.rehashed(files)).answer in (Answer.BROKEN, Answer.UNREADABLE)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=100)
@given(st.data())
def test_any_json_in_the_place_of_a_field_gives_a_report(data: st.DataObject) -> None:
    files = bundles.files_of(bundles.a_bundle())
    name = data.draw(st.sampled_from(["entries.json", "assessment.json", "manifest.json"]))
    content = json.loads(files[name])
    part = content[3] if name == "entries.json" else content
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(_json)
    files[name] = bundle.canonical(content)
    whole = bundle.pack(files) if name == "manifest.json" else bundles.rehashed(files)
    assert bundle_check.check(whole).answer is not Answer.HOLDS


def test_every_single_bit_counts() -> None:
    """300 bits all over the file: none can be turned without notice, unless the content stays."""
    whole = bundles.a_bundle()
    files = bundle.read(whole)
    chosen = random.Random(1)
    named = bundles.a_world().named()
    for _ in range(300):
        at = chosen.randrange(len(whole) * 8)
        data = bytearray(whole)
        data[at // 8] ^= 1 << at % 8
        if bundle_check.check(bytes(data), named).answer in (Answer.BROKEN, Answer.UNREADABLE):
            continue
        assert bundle.read(bytes(data)) == files, f"bit {at}"


def test_every_single_bit_counts_to_a_forger_too() -> None:
    """The same in the files themselves, with the manifest made to fit. The words for readers and
    what only a recheck reads are in nobody's hash but the manifest's."""
    whole = bundles.files_of(bundles.a_bundle())
    chosen, named = random.Random(2), bundles.a_world().named()
    names = sorted(whole.keys() - _FREE - {"README.zh.txt", "README.en.txt"})
    for _ in range(600):
        name = chosen.choice(names)
        data = bytearray(whole[name])
        at = chosen.randrange(len(data) * 8)
        data[at // 8] ^= 1 << at % 8
        report = bundle_check.check(bundles.rehashed({**whole, name: bytes(data)}), named)
        assert report.answer is Answer.BROKEN, f"bit {at} of {name}"
        assert report.broken is not None
        assert report.broken.record


def test_json_that_is_written_in_another_way_is_refused() -> None:
    for text in (b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1,"a":1}', b"[NaN]", b"[1e400]", b"{"):
        with pytest.raises(BundleError):
            bundle.canonical_loads(text, "it")
    assert bundle.canonical_loads('{"a":"在岗"}'.encode(), "it") == {"a": "在岗"}


def test_a_fingerprint_is_eight_groups_that_people_compare_and_type() -> None:
    printed = bundles.a_world().fingerprint
    assert len(printed.split()) == 8
    assert bundle_root.parse(printed.upper().replace(" ", "-") + "\n") == printed
    with pytest.raises(BundleError, match="64 hex digits"):
        bundle_root.parse(printed[:-1])


@pytest.mark.parametrize("changed", ["ca_name", "log_name", "collector_name"])
def test_each_key_of_the_root_changes_the_fingerprint(changed: str) -> None:
    assert bundles.a_world(0, **{changed: "other"}).fingerprint != bundles.World().fingerprint


def test_both_readme_pages_show_the_fingerprint() -> None:
    files = bundles.files_of(bundles.a_bundle())
    for name in ("README.zh.txt", "README.en.txt"):
        groups = bundles.a_world().fingerprint.split()
        assert " ".join(groups[:4]).encode() in files[name]
        assert " ".join(groups[4:]).encode() in files[name]
