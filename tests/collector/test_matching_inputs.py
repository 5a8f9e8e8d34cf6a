"""What an assessment was made of is written down, read back, and judged again to the same bytes."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collector.test_matching_properties import POLICY, short_claim, stories
from tests.factories import evidence as make
from tests.factories.evidence import Story
from zaigang_collector.assessment import body
from zaigang_collector.matching import inputs
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.codec import evidence_hash
from zaigang_collector.matching.errors import CodecError
from zaigang_collector.matching.model import Evidence
from zaigang_shared.readings import Reading


def contents(evidence: Evidence) -> dict[tuple[bytes, int], Reading]:
    """What the envelopes would give."""
    return {
        (timed.envelope, timed.index): timed.reading
        for device in (*evidence.laptops, *evidence.nodes)
        for timed in device.readings
    }


@settings(max_examples=40)
@given(stories())
def test_judged_again_from_what_was_written_down_it_is_the_same_bytes(story: Story) -> None:
    evidence = story.evidence()
    claim, site = short_claim(), make.site()
    first = assess(claim, site, evidence, POLICY)
    written = inputs.encode(inputs.of(claim, site, evidence))
    read = inputs.decode(written)
    signed = contents(evidence)
    again = read.evidence(lambda digest, index: signed[digest, index])
    assert body.encode(assess(read.claim, read.site, again, POLICY)) == body.encode(first)
    assert evidence_hash(read.claim, read.site, again) == evidence_hash(claim, site, evidence)
    assert inputs.encode(inputs.of(read.claim, read.site, again)) == written


def test_what_version_one_wrote_is_read_and_stays_version_one() -> None:
    given = inputs.of(make.claim(), make.site(), Story(make.honest_day()).evidence())
    written = inputs.encode(given).replace(b'"v":2', b'"v":1')
    read = inputs.decode(written)
    assert (read.v, inputs.encode(read)) == (1, written)
    assert dataclasses.replace(read, v=2) == given


def test_no_content_of_any_reading_is_written_down() -> None:
    evidence = Story(make.honest_day()).evidence()
    written = inputs.encode(inputs.of(make.claim(), make.site(), evidence))
    for word in (b"active", b"session", b"locked", b"rssi"):
        assert word not in written


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_anything_read_gives_inputs_or_our_error(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        inputs.decode(data)


@pytest.mark.parametrize("change", [(b'"v":2', b'"v":3'), (b'"known_to_ms":', b'"known_to":')])
def test_another_version_or_a_missing_field_says_so(change: tuple[bytes, bytes]) -> None:
    written = inputs.encode(inputs.of(make.claim(), make.site(), Evidence()))
    assert change[0] in written
    with pytest.raises(CodecError):
        inputs.decode(written.replace(*change))
