"""FastAPI 0.163 with PyJWT 2.15.

Checks: signature, alg, iss, aud, exp, and that the claims in `required` are present.
Does not check: typ, which the line after `decode_complete` checks, and revocation.
"""

import os

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]

app = FastAPI()
keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", timeout=5)
required = {"require": ["exp", "iat", "sub", "jti", "client_id"]}


def user(credentials: HTTPAuthorizationCredentials = Depends(HTTPBearer())) -> dict:
    token = credentials.credentials
    try:
        key = keys.get_signing_key_from_jwt(token)
        verified = jwt.decode_complete(
            token, key, algorithms=["ES256"], issuer=ISSUER, audience=AUDIENCE, options=required
        )
        if verified["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
    except jwt.PyJWKClientConnectionError as error:
        raise HTTPException(503, "The key set is out of reach") from error
    except jwt.PyJWTError as error:
        raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from error
    return verified["payload"]


@app.get("/protectedRoute")
def protected_route(claims: dict = Depends(user)) -> dict:
    return {"message": "This is a protected route", "user": claims}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]))
