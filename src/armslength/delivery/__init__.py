"""Sealed delivery: the ciphertext is sent first and verified chunk by chunk; the key follows if the terms allow it."""
