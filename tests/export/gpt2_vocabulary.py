"""GPT-2's vocab.json and merges.txt, byte for byte, from the ranks that openai-whisper carries."""

from __future__ import annotations

import base64
import json
from importlib.resources import files
from itertools import pairwise

from model_zoo.text.tokens import byte_alphabet


def gpt2_files() -> tuple[bytes, bytes]:
    """(vocab.json, merges.txt): a token's number is the place of the merge that made it."""
    lines = files("whisper").joinpath("assets", "gpt2.tiktoken").read_text("ascii").splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(str.split, lines)}
    alphabet = byte_alphabet()

    def seen(token: bytes) -> str:
        return "".join(alphabet[byte] for byte in token)

    words = {seen(token): rank for token, rank in sorted(ranks.items(), key=lambda item: item[1])}
    vocabulary = json.dumps(words | {"<|endoftext|>": len(words)})
    merges = ["#version: 0.2"]
    for token in sorted((token for token in ranks if len(token) > 1), key=ranks.__getitem__):
        left, right = _made_of(token, ranks)
        merges.append(f"{seen(left)} {seen(right)}")
    return vocabulary.encode("ascii"), ("\n".join(merges) + "\n").encode("utf-8")


def _made_of(token: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """The two tokens that this one was merged from: what BPE leaves of it without itself."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        pairs = [left + right for left, right in pairwise(parts)]
        place = min(range(len(pairs)), key=lambda i: ranks.get(pairs[i], ranks[token]))
        parts[place : place + 2] = [pairs[place]]
    return parts
