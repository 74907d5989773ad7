package imds_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"testing"
)

// verify reads a PKCS #7 signature element by element, as RFC 2315 describes it, and returns what is signed.
func verify(t *testing.T, certificate []byte, signature string) string {
	t.Helper()
	block, _ := pem.Decode(certificate)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll([]byte(signature), []byte("\n"), nil)))
	if err != nil {
		t.Fatal(err)
	}
	signed := inner(t, children(t, der)[1]) // [0] EXPLICIT of ContentInfo
	parts := children(t, signed)            // version, digest algorithms, content, signers
	content := inner(t, children(t, parts[2])[1])
	var document []byte
	if _, err := asn1.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	signer := children(t, children(t, parts[3])[0]) // version, issuer, digest algorithm, attributes, algorithm, signature
	attributes := append([]byte{0x31}, signer[3][1:]...)
	var raw []byte
	if _, err := asn1.Unmarshal(signer[5], &raw); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSignature(x509.SHA256WithRSA, attributes, raw); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(document)
	if !bytes.Contains(attributes, sum[:]) {
		t.Error("the signed attributes do not have the document's hash")
	}
	return string(document)
}

// children are the elements of a constructed element, whole.
func children(t *testing.T, der []byte) [][]byte {
	t.Helper()
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for rest := outer.Bytes; len(rest) > 0; {
		var one asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one.FullBytes)
	}
	return all
}

// inner is what an explicit tag holds.
func inner(t *testing.T, der []byte) []byte {
	t.Helper()
	return children(t, der)[0]
}
