"""What speech recognition is made of: sound in, spectrogram, speech found, tokens, words, files."""
