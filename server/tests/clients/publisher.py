"""A publisher's program, on a client that was generated from the API's description: signs in, uploads, lists.

Arguments: the server's origin, the chain's id, a private key, a file to upload. The last line is a JSON object.
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

from atoll_client import AuthenticatedClient, Client
from atoll_client.api.assets import list_assets
from atoll_client.api.market import read_market
from atoll_client.api.sign_in import create_nonce, create_session, list_sessions
from atoll_client.api.uploads import create_upload, put_upload_content, read_upload
from atoll_client.models import NewSession, NewUpload, Problem
from atoll_client.types import File
from eth_account import Account
from eth_account.messages import encode_defunct

server, chain, key, file = sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])


def good(answer):
    assert answer is not None and not isinstance(answer, Problem), answer
    return answer


wallet = Account.from_key(key)
with Client(base_url=server) as client:
    assert good(read_market.sync(client=client)).chain_id == chain
    nonce = good(create_nonce.sync(client=client)).nonce
    now = datetime.now(timezone.utc)
    message = (
        f"{server.split('://')[1]} wants you to sign in with your Ethereum account:\n{wallet.address}\n\n"
        f"Sign in to Atoll.\n\nURI: {server}\nVersion: 1\nChain ID: {chain}\nNonce: {nonce}\n"
        f"Issued At: {now.isoformat()}\nExpiration Time: {(now + timedelta(minutes=5)).isoformat()}"
    )
    signature = wallet.sign_message(encode_defunct(text=message)).signature.to_0x_hex()
    session = good(create_session.sync(client=client, body=NewSession(message=message, signature=signature)))
    assert session.address == wallet.address.lower()
    # The same message again: the nonce is gone.
    again = create_session.sync(client=client, body=NewSession(message=message, signature=signature))
    assert isinstance(again, Problem) and again.status == 401, again

with AuthenticatedClient(base_url=server, token=session.token) as client:
    content = file.read_bytes()
    sha256 = "0x" + hashlib.sha256(content).hexdigest()
    announced = NewUpload(sha256=sha256, bytes_=len(content))
    upload = good(create_upload.sync(client=client, body=announced, idempotency_key="publisher-1"))
    repeated = good(create_upload.sync(client=client, body=announced, idempotency_key="publisher-1"))
    assert upload.id == repeated.id
    sent = good(put_upload_content.sync(upload.id, client=client, body=File(payload=BytesIO(content))))
    assert sent.complete and good(read_upload.sync(upload.id, client=client)).sha256 == sha256
    sessions = good(list_sessions.sync(client=client))
    assets = good(list_assets.sync(client=client, publisher=wallet.address, limit=5))
    print(
        json.dumps(
            {
                "upload": str(upload.id),
                "sha256": sha256,
                "sessions": len(sessions.items),
                "assets": [asset.name for asset in assets.items],
            }
        )
    )
