// net/http with go-oidc 3.21. The URL of the key set comes from the server's metadata.
// Checks: signature, alg, iss, aud (as ClientID), exp.
// Does not check: typ, because it is made for ID tokens, so `tokenType` reads it; the Authorization header; revocation.
// It fetches the key set again after every invalid signature, without a limit, and does not start without the server.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	provider, err := oidc.NewProvider(context.Background(), os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{
		ClientID:             os.Getenv("AUDIENCE"),
		SupportedSigningAlgs: []string{oidc.ES256},
	})

	http.HandleFunc("GET /protectedRoute", func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		verified, err := verifier.Verify(r.Context(), token)
		if err != nil || !strings.EqualFold(scheme, "Bearer") || tokenType(token) != "at+jwt" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			reply(w, http.StatusUnauthorized, map[string]any{"message": "Failed to authenticate access token"})
			return
		}
		var user map[string]any
		if err := verified.Claims(&user); err != nil {
			reply(w, http.StatusInternalServerError, map[string]any{"message": "Unreadable claims"})
			return
		}
		reply(w, http.StatusOK, map[string]any{"message": "This is a protected route", "user": user})
	})

	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(listener, nil))
}

// tokenType reads the header of a token whose signature has been verified.
func tokenType(token string) string {
	var header struct{ Typ string }
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(text, &header) != nil {
		return ""
	}
	return header.Typ
}

func reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
