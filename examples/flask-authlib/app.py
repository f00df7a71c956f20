"""Flask 3.1 with Authlib 1.9.

Checks: signature, alg (must be the key's alg in the key set), iss, aud, exp, typ if the token has one, and that sub,
client_id, iat and jti are present. Does not check revocation. Does not fetch or cache the key set, so `get_jwks` does.
"""

import json
import os
import time
from urllib.error import URLError
from urllib.request import urlopen

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask, jsonify
from joserfc.jwk import KeySet
from werkzeug.serving import make_server

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]


class AccessTokenValidator(JWTBearerTokenValidator):
    keys, fetched_at = None, 0.0

    def get_jwks(self):
        if self.keys is None or time.monotonic() - self.fetched_at > 300:
            with urlopen(f"{ISSUER}/.well-known/jwks.json", timeout=5) as answer:
                self.keys, self.fetched_at = KeySet.import_key_set(json.load(answer)), time.monotonic()
        return self.keys


app = Flask(__name__)
require_token = ResourceProtector()
require_token.register_token_validator(AccessTokenValidator(issuer=ISSUER, resource_server=AUDIENCE))


@app.get("/protectedRoute")
@require_token()
def protected_route():
    return jsonify(message="This is a protected route", user=dict(current_token))


@app.errorhandler(URLError)
def key_set_is_out_of_reach(error):
    return jsonify(message="The key set is out of reach"), 503


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True)
    print("listening", flush=True)
    server.serve_forever()
