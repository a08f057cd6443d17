"""What a refusal repeats of what it was sent: words that look like fields or options of ours, and nothing of people."""

import pytest

from creditbank.core.errors import WORD_MAX, is_plain_word, pointer_segment

OURS = ("hours", "birth_date", "title_zh", "cn-16h-half", "c1", "k12", "zh-hans", "birthDate", "a" * WORD_MAX)

THEIRS = (
    *("", "张三", "Li", "Żółkiewska", "510201195512300019", "E12345678", "e12345678", "kid123", "12"),
    *("a" * (WORD_MAX + 1), "a b", "a/b", "a~b", "a.b", "１", "\uff41", "a\n", "_a"),
)


@pytest.mark.parametrize("word", OURS)
def test_a_word_like_ours_is_repeated(word: str) -> None:
    assert is_plain_word(word)
    assert pointer_segment(word) == word


@pytest.mark.parametrize("word", THEIRS)
def test_what_may_be_somebodys_name_or_number_is_a_star(word: str) -> None:
    assert not is_plain_word(word)
    assert pointer_segment(word) == "*"
