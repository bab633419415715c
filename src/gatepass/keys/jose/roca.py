"""RSA keys that a flawed chip made (CVE-2017-15361, "ROCA"): anybody can compute their private half.

The law: a modulus is taken for such a key exactly if, modulo each of the small primes, it is a power of 65537. Of other
keys one in 2**27 or fewer is taken for one.
"""

from typing import Final

__all__ = ["is_weak"]

_PRIMES: Final = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(65537, exponent, prime) for exponent in range(prime - 1))


_SUBGROUPS: Final = tuple((prime, _powers(prime)) for prime in _PRIMES)


def is_weak(modulus: int) -> bool:
    """Whether the modulus has the mark of the flawed keys."""
    return all(modulus % prime in powers for prime, powers in _SUBGROUPS)
