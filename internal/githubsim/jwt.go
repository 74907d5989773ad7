package githubsim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxJWTLife   = 10 * time.Minute // GitHub's documentation
	jwtTolerance = 5 * time.Second  // between the clocks of caller and GitHub; callers backdate iat by a minute
)

type jwtClaims struct {
	Issuer   json.RawMessage `json:"iss"` // a string or a number
	IssuedAt *json.Number    `json:"iat"`
	Expires  *json.Number    `json:"exp"`
}

func unauthorized(message string) *apiError {
	return &apiError{status: http.StatusUnauthorized, message: message}
}

func badCredentials() *apiError { return unauthorized("Bad credentials") }

// checkJWT verifies an App's JWT and answers as GitHub does.
func checkJWT(token string, app *application, now time.Time) *apiError {
	const undecodable = "A JSON web token could not be decoded"
	parts := strings.Split(token, ".")
	var header struct {
		Algorithm string `json:"alg"`
	}
	var claims jwtClaims
	if !decodeSegment(parts[0], &header) || !decodeSegment(parts[1], &claims) || header.Algorithm != "RS256" {
		return unauthorized(undecodable)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return unauthorized(undecodable)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if app.key == nil || rsa.VerifyPKCS1v15(app.key, crypto.SHA256, sum[:], signature) != nil {
		return unauthorized(undecodable)
	}
	if strings.Trim(string(claims.Issuer), `"`) != strconv.FormatInt(app.id, 10) {
		return &apiError{status: http.StatusNotFound, message: "Integration not found"}
	}
	issued, ok := numericDate(claims.IssuedAt)
	if !ok || issued.After(now.Add(jwtTolerance)) {
		return unauthorized("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	expires, ok := numericDate(claims.Expires)
	switch {
	case !ok || !expires.After(now):
		return unauthorized("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case expires.After(now.Add(maxJWTLife + jwtTolerance)):
		return unauthorized("'Expiration time' claim ('exp') is too far in the future")
	}
	return nil
}

func decodeSegment(segment string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(segment)
	return err == nil && json.Unmarshal(raw, into) == nil
}

func numericDate(n *json.Number) (time.Time, bool) {
	if n == nil {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}
