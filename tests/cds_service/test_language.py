"""Accept-Language to one of the two languages."""

import pytest

from cds_service.language import choose


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("*", "en"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-cn", "zh-Hans"),
        ("zh-Hans", "zh-Hans"),
        ("zh-Hans-CN", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh-CN, en", "zh-Hans"),
        ("en;q=0.5, zh-CN;q=0.8", "zh-Hans"),
        ("zh-CN;q=0, en;q=0.1", "en"),
        ("fr, zh;q=0.2", "zh-Hans"),
        ("fr", "en"),
        ("zh-TW", "zh-Hans"),
        ("zh-Hant-HK, en;q=0.5", "en"),
        ("zh-Hans-TW", "zh-Hans"),
        ("en;q=high, zh", "zh-Hans"),
        (";;,,q=1", "en"),
    ],
)
def test_choose(header, language):
    assert choose(header, "en") == language


def test_the_setting_is_what_is_left():
    assert choose("fr", "zh-Hans") == "zh-Hans"
    assert choose("*", "zh-Hans") == "zh-Hans"
