"""Content as ciphertext: the envelope under a data key, and the sealed request that anybody can make."""
