"""Sealed fields open with any configured key and no other; indexes find without telling."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from refi.db.vault import Vault, VaultRefused

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=100))
def test_what_is_sealed_opens(text: str) -> None:
    vault = Vault([OLD], "index")
    sealed = vault.seal(text)
    assert vault.open(sealed) == text
    assert not text or text not in sealed or len(text) < 4


def test_a_key_is_rotated() -> None:
    sealed = Vault([OLD], "index").seal("13800138000")
    both = Vault([NEW, OLD], "index")
    assert both.open(sealed) == "13800138000"
    resealed = both.reseal(sealed)
    assert Vault([NEW], "index").open(resealed) == "13800138000"
    with pytest.raises(VaultRefused):
        Vault([NEW], "index").open(sealed)
    with pytest.raises(VaultRefused):
        Vault([NEW], "index").reseal(sealed)


def test_indexes_need_the_key_and_the_purpose() -> None:
    vault = Vault([OLD], "index")
    assert vault.index("phone", "1") == vault.index("phone", "1")
    assert vault.index("phone", "1") != vault.index("device", "1")
    assert vault.index("phone", "1") != Vault([OLD], "other").index("phone", "1")


def test_a_malformed_key_is_named() -> None:
    with pytest.raises(VaultRefused, match="REFI_DATA_KEYS"):
        Vault(["not-a-key"], "index")
