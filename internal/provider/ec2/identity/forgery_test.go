package identity_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/identity"
)

// withCertificate signs with a key of its own and sends along a certificate that looks like AWS's.
func withCertificate(t *testing.T, document string) string {
	t.Helper()
	published, err := identity.AWS()
	if err != nil {
		t.Fatal(err)
	}
	of := published["us-west-2"].Subject
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: of,
		NotBefore: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return message(t, document, func(m *pkcs7.SignedData) error { return m.AddSigner(c, key, pkcs7.SignerInfoConfig{}) })
}

func withoutSigner(t *testing.T, document string) string {
	t.Helper()
	return message(t, document, func(*pkcs7.SignedData) error { return nil })
}

func message(t *testing.T, document string, sign func(*pkcs7.SignedData) error) string {
	t.Helper()
	m, err := pkcs7.NewSignedData([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	m.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := sign(m); err != nil {
		t.Fatal(err)
	}
	raw, err := m.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}
