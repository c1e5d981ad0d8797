"""Codes that people type, passwords, and what is stored of them."""

import hashlib
import hmac
import secrets

# Without I, L and O, which look like digits and each other, on a board and in handwriting.
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"
CLASS_CODE_LENGTH = 6  # 23⁶, 148 million codes
PICKUP_CODE_LENGTH = 10  # 23¹⁰, 41 million million codes
_PASSWORD_LENGTH = 12  # 23¹², some 54 random bits
_GROUP = 4

# Some 100 ms and 16 MB for each guess.
# Source: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 5
_SALT_BYTES = 16


def new_code(length: int) -> str:
    """A random code of `LETTERS`."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def new_password() -> str:
    """A password that nobody guesses and somebody can type, such as "KXWM-PQRA-ZTHE"."""
    return in_groups(new_code(_PASSWORD_LENGTH))


def in_groups(code: str) -> str:
    """A code as it is shown: in groups of four."""
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def read_code(text: str) -> str:
    """A code as somebody typed it, without what does not count: case, spaces, hyphens."""
    return "".join(letter for letter in text.upper() if letter.isalnum())


def hash_password(password: str) -> str:
    """What is stored of a password: salt and scrypt's answer, in hexadecimal digits."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"{salt.hex()}${_slow_hash(password, salt)}"


def is_password(password: str, stored: str) -> bool:
    """Whether a password is the one of which this was stored."""
    salt, _, answer = stored.partition("$")
    return hmac.compare_digest(_slow_hash(password, bytes.fromhex(salt)), answer)


def hash_pickup_code(code: str, classroom_id: int) -> str:
    """What is stored of a pick-up code; the same for the same code, which is looked up by it."""
    return _slow_hash(code, f"pick-up code of classroom {classroom_id}".encode())


def _slow_hash(text: str, salt: bytes) -> str:
    return hashlib.scrypt(read_code(text).encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P).hex()
