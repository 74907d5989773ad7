package web

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
)

// Token is a bearer of the API: who has it may do everything that the API can.
type Token struct {
	Name   string
	Secret string
}

// minToken is the shortest token of a file, in characters: 128 bits if it is hexadecimal.
const minToken = 32

// ParseTokens reads a file of tokens: a name and a token on each line, # begins a comment.
func ParseTokens(content []byte) ([]Token, error) {
	var out []Token
	names := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
			continue
		case len(fields) != 2:
			return nil, fmt.Errorf("line %d: want a name and a token, separated by a space", n)
		case len(fields[1]) < minToken:
			return nil, fmt.Errorf("line %d: the token of %s is too short: it needs at least %d characters, such as openssl rand -hex 32 prints",
				n, fields[0], minToken)
		case names[fields[0]]:
			return nil, fmt.Errorf("line %d: the name %s is used twice", n, fields[0])
		}
		names[fields[0]] = true
		out = append(out, Token{Name: fields[0], Secret: fields[1]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading tokens: %w", err)
	}
	return out, nil
}

// bearers compares tokens without telling by its timing how much of one was right.
type bearers []bearerHash

type bearerHash struct {
	name string
	sum  [sha256.Size]byte
}

func newBearers(tokens []Token) bearers {
	out := make(bearers, 0, len(tokens))
	for _, t := range tokens {
		out = append(out, bearerHash{t.Name, sha256.Sum256([]byte(t.Secret))})
	}
	return out
}

// name returns whose token a request carries, or nothing.
func (b bearers) name(r *http.Request) string {
	scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || given == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(given))
	found := ""
	for _, t := range b {
		if subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1 {
			found = t.name
		}
	}
	return found
}
