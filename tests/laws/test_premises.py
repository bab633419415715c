"""The check of premises can fail, and a failing body still fails."""

import pytest
from hypothesis import strategies as st
from tests.laws.premises import HardlyEverAppliesError, law


def test_a_law_that_hardly_ever_applies_fails() -> None:
    @law(number=st.integers(0, 9))
    def never(number: int) -> bool:
        return number > 9

    with pytest.raises(HardlyEverAppliesError, match="never: the premise held in 0 of"):
        never()


def test_a_law_that_often_applies_passes() -> None:
    @law(number=st.integers(0, 9))
    def often(number: int) -> bool:
        return number >= 5

    often()


def test_a_law_that_does_not_hold_fails() -> None:
    @law(number=st.integers(0, 9))
    def wrong(number: int) -> bool:
        assert number < 5
        return True

    with pytest.raises(AssertionError, match="assert"):
        wrong()
