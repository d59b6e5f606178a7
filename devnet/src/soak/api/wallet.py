"""Signs in to a server as a wallet does (EIP-4361)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import requests
from eth_account import Account
from eth_account.messages import encode_defunct


def message(server: str, chain_id: int, address: str, nonce: str) -> str:
    now = datetime.now(timezone.utc)
    return (
        f"{server.split('://')[1]} wants you to sign in with your Ethereum account:\n{address}\n\nSign in to Atoll.\n\n"
        f"URI: {server}\nVersion: 1\nChain ID: {chain_id}\nNonce: {nonce}\n"
        f"Issued At: {now.isoformat()}\nExpiration Time: {(now + timedelta(minutes=5)).isoformat()}"
    )


def sign_in(server: str, chain_id: int, account) -> dict:
    """The session as the server answers it."""
    nonce = requests.post(f"{server}/v1/nonces", timeout=30).json()["nonce"]
    text = message(server, chain_id, account.address, nonce)
    signature = account.sign_message(encode_defunct(text=text)).signature.to_0x_hex()
    answer = requests.post(f"{server}/v1/sessions", json={"message": text, "signature": signature}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def stranger(server: str, chain_id: int) -> dict:
    """A session of a new wallet."""
    return sign_in(server, chain_id, Account.create())
