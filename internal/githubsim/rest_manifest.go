package githubsim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
)

const appKeyBits = 2048

// convertManifest hands the credentials of a created App out, once. The simulator has one App at a time: a new one takes the
// place of the one before.
func (s *Simulator) convertManifest(c *call) answer {
	code := c.r.PathValue("code")
	p := s.pending[code]
	if p == nil || c.now.After(p.until) {
		return notFound().answer()
	}
	delete(s.pending, code)
	key, err := rsa.GenerateKey(rand.Reader, appKeyBits)
	if err != nil {
		panic("githubsim makes no key: " + err.Error())
	}
	const secretBytes = 20
	m := p.manifest
	slug := slugOf(m.Name)
	s.app = &application{
		id: s.world.NextID() % 1_000_000_000, slug: slug, name: m.Name, key: &key.PublicKey, owner: p.owner, private: !m.Public,
		permissions: m.Permissions, events: m.Events, homepage: m.URL,
	}
	if s.app.owner == "" {
		s.app.owner = s.person()
	}
	s.everywhere = false
	s.hooks.app, s.hooks.hook = s.app, Webhook{}
	rendered := s.renderApp(c)
	rendered["client_id"], rendered["client_secret"] = "Iv23"+s.random.Token(secretBytes)[:16], s.random.Token(secretBytes)
	rendered["webhook_secret"] = nil
	rendered["pem"] = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	if m.Hook != nil {
		secret := s.random.Token(secretBytes)
		rendered["webhook_secret"] = secret
		if m.Hook.active() {
			s.hooks.hook = Webhook{URL: m.Hook.URL, Secret: secret}
		}
	}
	return answer{status: http.StatusCreated, body: rendered}
}

// person is the login of the one person: the owner of the first repository that belongs to no organisation.
func (s *Simulator) person() string {
	for _, r := range s.world.Repositories() {
		if !r.Owner.Organization {
			return r.Owner.Login
		}
	}
	return "octocat"
}
