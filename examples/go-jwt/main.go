// net/http with golang-jwt 5.3 and keyfunc 3.9.
// Checks: signature, alg, iss, aud, exp.
// Does not check: typ, which the handler checks, and revocation. If the key set is unreachable, it responds with 401.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/golang-jwt/jwt/v5/request"
)

func main() {
	issuer, audience := os.Getenv("ISSUER"), os.Getenv("AUDIENCE")

	// By default, a request with an unknown kid may wait for a minute.
	patience := keyfunc.Override{RateLimitWaitMax: 5 * time.Second, RefreshInterval: 5 * time.Minute}
	keys, err := keyfunc.NewDefaultOverrideCtx(context.Background(), []string{issuer + "/.well-known/jwks.json"}, patience)
	if err != nil {
		log.Fatal(err)
	}
	parser := request.WithParser(jwt.NewParser(
		jwt.WithValidMethods([]string{"ES256"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
	))

	http.HandleFunc("GET /protectedRoute", func(w http.ResponseWriter, r *http.Request) {
		token, err := request.ParseFromRequest(r, request.BearerExtractor{}, keys.Keyfunc, parser)
		if err != nil || token.Header["typ"] != "at+jwt" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			reply(w, http.StatusUnauthorized, map[string]any{"message": "Failed to authenticate access token"})
			return
		}
		reply(w, http.StatusOK, map[string]any{"message": "This is a protected route", "user": token.Claims})
	})

	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(listener, nil))
}

func reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
