package web //nolint:testpackage // the names of a server are a pure decision, told here without a listener for each

import "testing"

func TestNamesOfTheServer(t *testing.T) {
	for _, tt := range []struct {
		listen, external, host string
		want                   bool
	}{
		{"127.0.0.1:8080", "", "127.0.0.1:8080", true},
		{"127.0.0.1:8080", "", "localhost:8080", true},
		{"127.0.0.1:8080", "", "[::1]:8080", true},
		{"127.0.0.1:8080", "", "10.0.0.7:8080", false},
		{"127.0.0.1:8080", "", "evil.example", false},
		{"127.0.0.1:8080", "", "", false},
		{"127.0.0.1:8080", "https://fleet.example", "fleet.example", true},
		{"127.0.0.1:8080", "https://fleet.example", "FLEET.example", true},
		{"127.0.0.1:8080", "https://fleet.example", "fleet.example:8443", false},
		{"0.0.0.0:80", "", "127.0.0.1", true},
		{"0.0.0.0:80", "", "10.0.0.7", false},
		{"[::]:80", "https://fleet.example", "fleet.example", true},
		{"10.0.0.7:80", "", "10.0.0.7", true},
		{"10.0.0.7:80", "", "127.0.0.1", false},
	} {
		if got := newOrigins(tt.listen, tt.external).allows(tt.host); got != tt.want {
			t.Errorf("listening on %s, external %q: %q allowed %v, want %v", tt.listen, tt.external, tt.host, got, tt.want)
		}
	}
}
