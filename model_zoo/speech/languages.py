"""The languages that Whisper was trained on, by the code that its tokens have."""

from model_zoo.errors import BadInput, brief

NAMES = {
    "en": "English", "zh": "Chinese", "de": "German", "es": "Spanish", "ru": "Russian",
    "ko": "Korean", "fr": "French", "ja": "Japanese", "pt": "Portuguese", "tr": "Turkish",
    "pl": "Polish", "ca": "Catalan", "nl": "Dutch", "ar": "Arabic", "sv": "Swedish",
    "it": "Italian", "id": "Indonesian", "hi": "Hindi", "fi": "Finnish", "vi": "Vietnamese",
    "he": "Hebrew", "uk": "Ukrainian", "el": "Greek", "ms": "Malay", "cs": "Czech",
    "ro": "Romanian", "da": "Danish", "hu": "Hungarian", "ta": "Tamil", "no": "Norwegian",
    "th": "Thai", "ur": "Urdu", "hr": "Croatian", "bg": "Bulgarian", "lt": "Lithuanian",
    "la": "Latin", "mi": "Maori", "ml": "Malayalam", "cy": "Welsh", "sk": "Slovak",
    "te": "Telugu", "fa": "Persian", "lv": "Latvian", "bn": "Bengali", "sr": "Serbian",
    "az": "Azerbaijani", "sl": "Slovenian", "kn": "Kannada", "et": "Estonian", "mk": "Macedonian",
    "br": "Breton", "eu": "Basque", "is": "Icelandic", "hy": "Armenian", "ne": "Nepali",
    "mn": "Mongolian", "bs": "Bosnian", "kk": "Kazakh", "sq": "Albanian", "sw": "Swahili",
    "gl": "Galician", "mr": "Marathi", "pa": "Punjabi", "si": "Sinhala", "km": "Khmer",
    "sn": "Shona", "yo": "Yoruba", "so": "Somali", "af": "Afrikaans", "oc": "Occitan",
    "ka": "Georgian", "be": "Belarusian", "tg": "Tajik", "sd": "Sindhi", "gu": "Gujarati",
    "am": "Amharic", "yi": "Yiddish", "lo": "Lao", "uz": "Uzbek", "fo": "Faroese",
    "ht": "Haitian Creole", "ps": "Pashto", "tk": "Turkmen", "nn": "Nynorsk", "mt": "Maltese",
    "sa": "Sanskrit", "lb": "Luxembourgish", "my": "Burmese", "bo": "Tibetan", "tl": "Tagalog",
    "mg": "Malagasy", "as": "Assamese", "tt": "Tatar", "haw": "Hawaiian", "ln": "Lingala",
    "ha": "Hausa", "ba": "Bashkir", "jw": "Javanese", "su": "Sundanese",
}  # fmt: skip

# What people and browsers say that is neither a name nor a code above
OTHER_NAMES = {
    "": "", "auto": "", "detect": "", "jv": "jw", "iw": "he", "in": "id", "nb": "no", "fil": "tl",
    "cmn": "zh", "mandarin": "zh", "flemish": "nl", "castilian": "es", "moldavian": "ro",
    "panjabi": "pa", "pushto": "ps", "letzeburgesch": "lb", "haitian": "ht", "sinhalese": "si",
    "valencian": "ca", "farsi": "fa",
}  # fmt: skip
_CODES = {name.lower(): code for code, name in NAMES.items()} | OTHER_NAMES


def code(wish: str) -> str:
    """The code of a language given by code, tag or English name: EN, en-US and English are en.

    Nothing and "auto" are "", to detect it. BadInput for what is no language.
    """
    words = wish.strip().lower().replace("_", "-")
    for name in (words, words.partition("-")[0] or words):
        if name in NAMES:
            return name
        if name in _CODES:
            return _CODES[name]
    raise BadInput(
        "There is no language {}: give a code such as en, de, zh or es, or none to have "
        "it detected.",
        brief(wish),
    )
