"""A drand beacon of our own: drand's scheme bls-bn254-unchained-on-g1 in plain integers, on the curve of py_ecc."""

from hashlib import sha256
from typing import Any

from eth_utils.crypto import keccak
from py_ecc.optimized_bn128 import FQ, G2, add, curve_order, field_modulus, multiply, normalize

P = field_modulus
DST = b"BLS_SIG_BN254G1_XMD:KECCAK-256_SVDW_RO_NUL_"
KECCAK_BLOCK = 136


def expand(message: bytes, size: int) -> bytes:
    """expand_message_xmd of RFC 9380 with keccak256."""
    suffix = DST + bytes([len(DST)])
    first = keccak(bytes(KECCAK_BLOCK) + message + size.to_bytes(2) + b"\0" + suffix)
    blocks = [keccak(first + b"\1" + suffix)]
    while 32 * len(blocks) < size:
        mixed = bytes(a ^ b for a, b in zip(first, blocks[-1], strict=True))
        blocks.append(keccak(mixed + bytes([len(blocks) + 1]) + suffix))
    return b"".join(blocks)[:size]


def curve(x: int) -> int:
    return (x**3 + 3) % P


def inverse(x: int) -> int:
    return pow(x, P - 2, P)  # 0 for 0


def root(x: int) -> int | None:
    y = pow(x, (P + 1) // 4, P)
    return y if y * y % P == x % P else None


def mapped(u: int) -> tuple[int, int]:
    """map_to_curve_svdw of RFC 9380, appendix F.1, with Z = 1 and its constants computed as it says."""
    z = 1
    c1, c2 = curve(z), -z * inverse(2)
    c3 = root(-curve(z) * 3 * z * z)
    assert c3 is not None
    c3 = c3 if c3 % 2 == 0 else P - c3
    c4 = -4 * curve(z) * inverse(3 * z * z)
    tv1 = u * u * c1 % P
    tv2, tv1 = 1 + tv1, 1 - tv1
    tv3 = inverse(tv1 * tv2)
    tv4 = u * tv1 * tv3 * c3
    candidates = (c2 - tv4, c2 + tv4, z + c4 * (tv2 * tv2 * tv3) ** 2)
    x, y = next((x % P, y) for x in candidates if (y := root(curve(x))) is not None)
    return x, y if y % 2 == u % 2 else P - y


def hash_to_point(message: bytes) -> Any:
    uniform = expand(message, 96)
    elements = [int.from_bytes(uniform[start : start + 48]) % P for start in (0, 48)]
    first, second = ((FQ(x), FQ(y), FQ(1)) for x, y in map(mapped, elements))
    return add(first, second)


def affine(point: Any) -> tuple[int, int]:
    x, y = normalize(point)
    return int(x), int(y)


class Beacon:
    """A key that signs rounds."""

    def __init__(self, secret: int) -> None:
        self._secret = secret % curve_order

    @property
    def key(self) -> list[int]:
        """As EIP-197 encodes it: of each coordinate the imaginary part first."""
        return [int(part) for axis in normalize(multiply(G2, self._secret)) for part in reversed(axis.coeffs)]

    def sign(self, number: int) -> bytes:
        """The signature of a round."""
        point = multiply(hash_to_point(keccak(number.to_bytes(8))), self._secret)
        return b"".join(part.to_bytes(32) for part in affine(point))


def randomness(signature: bytes) -> bytes:
    return sha256(signature).digest()
