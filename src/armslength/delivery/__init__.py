"""Sealed delivery: ciphertext travels first and is checked piece by piece, the key follows when the record says so."""
