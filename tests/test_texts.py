"""Texts as people give them: read, refused, cut into words and sentences, and their language."""

import pytest

from model_zoo.errors import BadInput
from model_zoo.text import texts


def cut(text: str, spans: list[texts.Span]) -> list[str]:
    return [text[first:last] for first, last in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Mr. Smith saw J. Doe at 3.30 p.m. on the 4th. He left.", None),
        ('He said "go." Then he went.', ['He said "go."', "Then he went."]),
        ("a line\nanother line", ["a line", "another line"]),
        ("it 's fine . it is not bad .", ["it 's fine .", "it is not bad ."]),
        ("  no end  ", ["no end"]),
        ("", []),
        ("What?! Really… yes", ["What?!", "Really…", "yes"]),
    ],
)
def test_sentences(text, expected):
    found = cut(text, texts.sentences(text))
    if expected is None:
        assert found[0].startswith("Mr. Smith saw J. Doe at 3.30")
        assert found[-1] == "He left."
    else:
        assert found == expected


def test_sentences_lose_nothing_but_white_space():
    text = 'One… two ("three." four) e.g. five!\n\n six .seven'
    assert (
        "".join(cut(text, texts.sentences(text))).split()
        == "".join(cut(text, texts.sentences(text))).split()
    )
    joined = " ".join(cut(text, texts.sentences(text)))
    assert joined.split() == text.split()


def test_words_are_what_stands_between_white_space():
    text = " it's\ta well-made  film!\n"
    assert cut(text, texts.words(text)) == ["it's", "a", "well-made", "film!"]


@pytest.mark.parametrize(
    "text",
    [
        "Ein wunderbarer Film mit großartigen Schauspielern, aber sehr lang",
        "Ce film est une pure merveille du début à la fin",
        "Una película aburrida y demasiado larga para mí",
        "Non mi è piaciuto per niente",
        "Отличный фильм",
        "这部电影很好看",
        "この映画は素晴らしい",
        "영화가 정말 재미있어요",
        "فيلم رائع جدا",
    ],
)
def test_other_languages_are_noticed(text):
    assert texts.foreign(text)


@pytest.mark.parametrize(
    "text",
    [
        "Loved it",
        "Masterpiece",
        "C'est la vie, but the film is good",
        "Los Angeles has never looked so good",
        "i 've seen some bad singer-turned actors",
        "10/10 😀",
    ],
)
def test_english_is_left_alone(text):
    assert not texts.foreign(text)


@pytest.mark.parametrize("text", ["", "  \n\t", None])
def test_nothing_is_called_nothing(text):
    assert "no text yet" in texts.blank(texts.check(text))


@pytest.mark.parametrize("text", ["😀😀", "... !!!", "—"])
def test_signs_alone_are_no_words(text):
    assert "no words" in texts.blank(text)


def test_too_long_a_text_is_refused_with_the_limit():
    with pytest.raises(BadInput, match=r"1,000,000 characters: give at most 200,000"):
        texts.check("x" * 1_000_000)


def test_binary_is_refused():
    with pytest.raises(BadInput, match="NUL"):
        texts.check("good\0film")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("𝗯𝗮𝗱 ｆｉｌｍ", "bad film"),
        ("I&#39;d say R&amp;D &amp;lt; fun", "I'd say R&D < fun"),
        ("&notanentity; AT&T &#0; &", "&notanentity; AT&T \ufffd &"),
        ("one\u200btwo", "one two"),
        ("a \x1b[1;31mbad\x1b[0m film\x1b[K", "a bad film"),
        ("\x1b]0;window\x07fine \x1b]8;;http://a.b\x1b\\film", "fine film"),
        ("\ufefffine", "fine"),
        ("great😀film 5★ ❤️it", "great 😀 film 5 ★ ❤️ it"),
        ("a\r\nb\u2028c", "a\nb\nc"),
        ("one line that is long enough,\nthe next that goes on from it\nand the end of it", None),
        ("great sound and screen\nbad battery, bad keys", "as it is"),
        ("Two lines of a list as long\nAs each other, but no more", "as it is"),
        ("the first paragraph,\nwrapped into lines of\na few words\n\nlast",
         "the first paragraph, wrapped into lines of a few words\n\nlast"),
    ],
)  # fmt: skip
def test_plain_letters(text, expected):
    found = texts.plain(text)
    assert found == {None: text.replace("\n", " "), "as it is": text}.get(expected, expected)
    assert texts.plain(found) == found
