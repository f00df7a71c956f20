"""Runs a batch of signing and verification requests with PyJWT; see README.md."""

import base64
import json
import sys

import jwt
from cryptography.hazmat.primitives.serialization import load_der_private_key


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(batch, request):
    key = decoded(request["key"])
    if request["algorithm"] != "HS256":
        key = load_der_private_key(key, password=None)
    headers = {"typ": batch["type"], "kid": request["key_id"]}
    return {"token": jwt.encode(request["claims"], key, algorithm=request["algorithm"], headers=headers)}


def verify(batch, request):
    header = jwt.get_unverified_header(request["token"])
    if header.get("typ") != batch["type"]:
        raise jwt.InvalidTokenError("wrong typ")
    if "secret" in request:
        key = decoded(request["secret"])
    else:
        key = jwt.PyJWKSet.from_dict(request["jwks"])[header["kid"]].key
    claims = jwt.decode(
        request["token"],
        key,
        algorithms=[request["algorithm"]],
        issuer=batch["issuer"],
        audience=batch["audience"],
        options={"require": ["iss", "aud", "exp"]},
    )
    return {"claims": claims}


def answer(batch, request):
    try:
        return {"sign": sign, "verify": verify}[request["do"]](batch, request)
    except Exception as error:  # Any exception of the library is a result.
        return {"refused": f"{type(error).__name__}: {error}"}


batch = json.load(sys.stdin)
json.dump([answer(batch, request) for request in batch["requests"]], sys.stdout)
